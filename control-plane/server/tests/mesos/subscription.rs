//! The event stream from SUBSCRIBE to its end.

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use insula_proto::mesos::v1;
use insula_proto::mesos::v1::scheduler::{Call, Event, call, event};
use insula_proto::recordio::Decoder;
use insula_server::partition::Delivered;
use insula_types::message::{Message, ToFramework};
use insula_types::{Epoch, TraceContext};
use prost::Message as _;
use serde_json::{Value, json};

use super::support::{Answer, Cell, Events, JSON, Subscribed, header, soon};

const AWAY: &str = "Framework is not subscribed";

fn info() -> Value {
    json!({"user": "root", "name": "probe", "failover_timeout": 60.0})
}

#[tokio::test]
async fn the_first_events_are_subscribed_heartbeat_and_offers() {
    let cell = Cell::start().await;
    let _agent = cell.agent("a1").await;
    let mut framework = cell.subscribe(info()).await;
    assert_eq!(
        framework.subscribed["subscribed"],
        json!({
            "framework_id": {"value": framework.id},
            "heartbeat_interval_seconds": 15.0,
            "master_info": {
                "id": "9ee4c3ea-3a53-4bb8-9b6a-6d3a1fd2d2a1",
                "ip": 16_777_343,
                "port": 5050,
                "pid": "master@127.0.0.1:5050",
                "hostname": "localhost",
                "version": "1.11.0",
                "address": {"hostname": "localhost", "ip": "127.0.0.1", "port": 5050},
                "capabilities": [{"type": "AGENT_UPDATE"}],
            },
        })
    );
    let offer = framework.offer().await;
    assert_eq!(offer["framework_id"]["value"], *framework.id);
    assert_eq!(offer["agent_id"]["value"], "a1");
    assert_eq!(offer["allocation_info"], json!({"role": "*"}));
    assert_eq!(
        offer["resources"][0],
        json!({
            "name": "cpus", "type": "SCALAR", "scalar": {"value": 4.0}, "role": "*",
            "allocation_info": {"role": "*"},
        })
    );
}

#[tokio::test]
async fn a_framework_keeps_the_id_that_it_brings() {
    let cell = Cell::start().await;
    let mut with_id = info();
    with_id["id"] = json!({"value": "never-seen"});
    assert_eq!(cell.subscribe(with_id).await.id, "never-seen");
    let (one, two) = (cell.subscribe(info()).await, cell.subscribe(info()).await);
    assert_ne!(one.id, two.id);
    assert_ne!(one.stream_id, two.stream_id);
}

#[tokio::test]
async fn heartbeats_go_on() {
    let cell = Cell::with_heartbeat(Duration::from_millis(20)).await;
    let mut framework = cell.subscribe(info()).await;
    for _ in 0..3 {
        assert_eq!(framework.events.next().await, json!({"type": "HEARTBEAT"}));
    }
}

#[tokio::test]
async fn a_refused_subscription_is_one_error_event() {
    let cell = Cell::start().await;
    let multi_role = json!([{"type": "MULTI_ROLE"}]);
    let cases = [
        (
            json!({"roles": ["/bad"], "capabilities": multi_role}),
            "'FrameworkInfo.roles' contains invalid role: Role '/bad' cannot start with a slash",
        ),
        (
            json!({"role": "a", "capabilities": multi_role}),
            "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
        ),
        (
            json!({"roles": ["a"]}),
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
        ),
        (
            json!({"failover_timeout": 1e20}),
            "The framework failover_timeout (1e+20) is invalid",
        ),
        (
            json!({"id": {"value": "insula"}}),
            "Framework ID 'insula' is reserved for the tenant's built-in framework",
        ),
    ];
    for (more, sentence) in cases {
        let mut info = info();
        info.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let mut call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        if let Some(id) = more.get("id") {
            call["framework_id"] = id.clone();
        }
        assert_refused(&cell, &call, sentence).await;
    }
    let suppressed = json!({
        "type": "SUBSCRIBE",
        "subscribe": {"framework_info": info(), "suppressed_roles": ["zz"]},
    });
    let sentence = "Suppressed role 'zz' is not contained in the list of roles";
    assert_refused(&cell, &suppressed, sentence).await;
}

async fn assert_refused(cell: &Cell, call: &Value, sentence: &str) {
    let response = cell.post(&[JSON], call.to_string()).await;
    assert!(!header(response.headers(), "mesos-stream-id").is_empty());
    let mut events = Events::of(response);
    let error = json!({"type": "ERROR", "error": {"message": sentence}});
    assert_eq!(events.next().await, error);
    assert_eq!(events.try_next().await, None);
}

#[tokio::test]
async fn the_newest_subscription_of_an_id_wins() {
    let cell = Cell::start().await;
    let mut old = cell.subscribe(info()).await;
    let mut again = info();
    again["id"] = json!({"value": old.id});
    let new = cell.subscribe(again).await;
    assert_eq!(new.id, old.id);
    assert_ne!(new.stream_id, old.stream_id);
    let error = json!({"type": "ERROR", "error": {"message": "Framework failed over"}});
    assert_eq!(old.events.next().await, error);
    assert_eq!(old.events.try_next().await, None);
    let late = old.call("REVIVE", json!({})).await;
    assert_eq!(
        late.text(),
        format!(
            "The stream ID '{}' included in this request didn't match the stream ID currently \
             associated with framework ID {}",
            old.stream_id, old.id
        )
    );
    // The end of the old stream is not the end of the framework.
    drop(old);
    new.accepted("REVIVE", json!({})).await;
}

#[tokio::test]
async fn a_torn_down_framework_is_gone_for_ever() {
    let cell = Cell::start().await;
    let mut framework = cell.subscribe(info()).await;
    framework.accepted("TEARDOWN", json!({})).await;
    assert_eq!(framework.events.try_next().await, None);
    let late = framework.call("REVIVE", json!({})).await;
    assert_eq!(
        (late.status.as_u16(), late.text()),
        (400, "Framework cannot be found")
    );
    let mut again = info();
    again["id"] = json!({"value": framework.id});
    let call = json!({
        "type": "SUBSCRIBE",
        "framework_id": {"value": framework.id},
        "subscribe": {"framework_info": again},
    });
    assert_refused(&cell, &call, "Framework has been removed").await;
}

/// What a revive is answered once the kernel has heard that the framework is away.
async fn refused_revive(cell: &Cell, framework: Subscribed) -> Answer {
    let call = json!({"type": "REVIVE", "framework_id": {"value": framework.id}}).to_string();
    let stream_id = format!("Mesos-Stream-Id: {}", framework.stream_id);
    drop(framework);
    soon(async {
        loop {
            let response = cell.post(&[JSON, &stream_id], call.clone()).await;
            if response.status() != StatusCode::ACCEPTED {
                return Answer::of(response).await;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_closed_connection_starts_the_failover_timeout() {
    let cell = Cell::start().await;
    let away = refused_revive(&cell, cell.subscribe(info()).await).await;
    assert_eq!((away.status.as_u16(), away.text()), (403, AWAY));
    let without_timeout = json!({"user": "root", "name": "probe"});
    let removed = refused_revive(&cell, cell.subscribe(without_timeout).await).await;
    assert_eq!(
        (removed.status.as_u16(), removed.text()),
        (400, "Framework cannot be found")
    );
}

#[tokio::test]
async fn the_end_of_the_control_plane_is_not_that_of_its_frameworks() {
    let store = insula_store::Store::in_memory().await.unwrap();
    let interval = Duration::from_secs(15);
    let cell = Cell::over(store.clone(), interval).await;
    let mut framework = cell
        .subscribe(json!({"user": "root", "name": "probe"}))
        .await;
    soon(cell.driver.stop(Duration::from_secs(30)))
        .await
        .unwrap();
    assert_eq!(framework.events.try_next().await, None);
    let stopped = framework.call("REVIVE", json!({})).await;
    assert_eq!(stopped.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&stopped.headers, "retry-after"), "1");
    let id = framework.id.clone();
    drop(framework);

    let next = Cell::over(store, interval).await;
    let mut again = json!({"user": "root", "name": "probe"});
    again["id"] = json!({"value": id});
    assert_eq!(next.subscribe(again).await.id, id);
}

#[tokio::test]
async fn protobuf_says_the_same() {
    const PROTOBUF: &str = "application/x-protobuf";
    let cell = Cell::start().await;
    let mut call = Call {
        r#type: Some(call::Type::Subscribe.into()),
        subscribe: Some(call::Subscribe {
            framework_info: v1::FrameworkInfo {
                user: "root".to_owned(),
                name: "probe".to_owned(),
                ..v1::FrameworkInfo::default()
            },
            ..call::Subscribe::default()
        }),
        ..Call::default()
    };
    let content_type = format!("Content-Type: {PROTOBUF}");
    let accept = format!("Accept: {PROTOBUF}");
    let response = cell
        .post(&[&content_type, &accept], call.encode_to_vec())
        .await;
    assert_eq!(header(response.headers(), "content-type"), PROTOBUF);
    let stream_id = header(response.headers(), "mesos-stream-id");
    let mut body = response.into_body();
    let frame = soon(body.frame())
        .await
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap();
    let mut decoder = Decoder::new(1 << 20);
    decoder.push(&frame);
    let record = decoder.next_record().unwrap().unwrap();
    let event = Event::decode(record).unwrap();
    assert_eq!(event.r#type(), event::Type::Subscribed);

    call = Call {
        framework_id: Some(event.subscribed.unwrap().framework_id),
        r#type: Some(call::Type::Revive.into()),
        ..Call::default()
    };
    let stream_id = format!("Mesos-Stream-Id: {stream_id}");
    let revived = cell
        .post(&[&content_type, &stream_id], call.encode_to_vec())
        .await;
    assert_eq!(revived.status(), StatusCode::ACCEPTED);
}

/// The part of a RECONCILE as large as that of the benchmark of Mesos.
fn many_unknown_tasks() -> Value {
    let task = |number| json!({"task_id": {"value": format!("t{number}")}});
    json!({"tasks": (0..20_000).map(task).collect::<Vec<Value>>()})
}

#[tokio::test]
async fn a_long_answer_arrives_whole_and_in_order() {
    let cell = Cell::start().await;
    let framework = cell.subscribe(info()).await;
    let mut events = framework.events;
    let reading = tokio::spawn(async move {
        for number in 0..20_000 {
            let update = events.next_of("UPDATE").await;
            let task = &update["update"]["status"]["task_id"]["value"];
            assert_eq!(*task, format!("t{number}"));
        }
        events
    });
    let call = json!({
        "type": "RECONCILE",
        "framework_id": {"value": framework.id},
        "reconcile": many_unknown_tasks(),
    });
    let stream_id = format!("Mesos-Stream-Id: {}", framework.stream_id);
    let accepted = cell.post(&[JSON, &stream_id], call.to_string()).await;
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    soon(reading).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_cut_off() {
    let cell = Cell::start().await;
    let mut framework = cell.subscribe(info()).await;
    let (of_cell, peer) = (cell.handle().cell().clone(), framework.peer());
    // As the driver does, faster than anybody reads; of an epoch that is over, so that none of it
    // is written.
    while cell.sessions.is_open(&of_cell, &peer) {
        let message = Message::ToFramework(ToFramework::Close);
        let delivered = Delivered {
            epoch: Epoch::default(),
            trace: TraceContext::default(),
            message,
        };
        cell.sessions.deliver(&of_cell, &peer, delivered);
    }
    while framework.events.try_next().await.is_some() {}
    let away = refused_revive(&cell, framework).await;
    assert_eq!((away.status.as_u16(), away.text()), (403, AWAY));
}

#[tokio::test]
async fn a_failed_commit_ends_the_streams_and_is_no_disconnect() {
    let cell = Cell::start().await;
    let mut framework = cell.subscribe(info()).await;
    cell.store.clone().close().await;
    let refused = framework.call("TEARDOWN", json!({})).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&refused.headers, "retry-after"), "1");
    while framework.events.try_next().await.is_some() {}
}
