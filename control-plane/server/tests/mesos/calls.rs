//! Calls of a subscribed framework and the events that answer them.

use http::StatusCode;
use serde_json::{Value, json};

use super::support::{Answer, Cell, JSON, Subscribed};

fn info() -> Value {
    json!({"user": "root", "name": "probe"})
}

fn task(id: &str, more: Value) -> Value {
    let mut task = json!({
        "name": id,
        "task_id": {"value": id},
        "agent_id": {"value": "a1"},
        "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5}}],
        "command": {"value": "true"},
    });
    task.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    task
}

fn launch(offer: &str, tasks: &[Value]) -> Value {
    json!({
        "offer_ids": [{"value": offer}],
        "operations": [{"type": "LAUNCH", "launch": {"task_infos": tasks}}],
    })
}

/// The status of the next update, without its time.
async fn update(framework: &mut Subscribed) -> Value {
    let mut update = framework.events.next_of("UPDATE").await;
    let status = update["update"]["status"].take();
    let mut status = status.as_object().unwrap().clone();
    assert!(status.remove("timestamp").unwrap().is_f64());
    Value::Object(status)
}

#[tokio::test]
async fn the_stream_id_has_to_be_that_of_the_subscription() {
    let cell = Cell::start().await;
    let framework = cell.subscribe(info()).await;
    let call = json!({"type": "TEARDOWN", "framework_id": {"value": framework.id}}).to_string();
    let without = Answer::of(cell.post(&[JSON], call.clone()).await).await;
    assert_eq!(
        (without.status.as_u16(), without.text()),
        (
            400,
            "All non-subscribe calls should include the 'Mesos-Stream-Id' header"
        )
    );
    let wrong = Answer::of(cell.post(&[JSON, "Mesos-Stream-Id: nope"], call).await).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        wrong.text(),
        format!(
            "The stream ID 'nope' included in this request didn't match the stream ID currently \
             associated with framework ID {}",
            framework.id
        )
    );
}

#[tokio::test]
async fn what_has_no_effect_is_accepted() {
    let cell = Cell::start().await;
    let framework = cell.subscribe(info()).await;
    for (r#type, part) in [
        ("REVIVE", json!({})),
        ("REVIVE", json!({"roles": ["not-mine"]})),
        ("SUPPRESS", json!({})),
        ("REQUEST", json!({"requests": []})),
        ("DECLINE", json!({"offer_ids": [{"value": "nope"}]})),
        ("ACCEPT", json!({"offer_ids": [{"value": "nope"}]})),
        (
            "ACKNOWLEDGE",
            json!({
                "agent_id": {"value": "a"}, "task_id": {"value": "t"},
                "uuid": "UtvzgZnvQi2EBSmq+GVkIw==",
            }),
        ),
    ] {
        framework.accepted(r#type, part).await;
    }
    let malformed = json!({
        "agent_id": {"value": "a"}, "task_id": {"value": "t"}, "uuid": "AAAA",
    });
    let answer = framework.call("ACKNOWLEDGE", malformed).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.text(),
        "Failed to validate scheduler::Call: Not a valid UUID"
    );
}

#[tokio::test]
async fn the_kernels_own_updates_are_those_of_mesos() {
    let cell = Cell::start().await;
    let _agent = cell.agent("a1").await;
    let mut framework = cell.subscribe(info()).await;
    let offer = framework.offer().await["id"]["value"]
        .as_str()
        .unwrap()
        .to_owned();

    framework
        .accepted("ACCEPT", launch("nope", &[task("t-bad", json!({}))]))
        .await;
    assert_eq!(
        update(&mut framework).await,
        json!({
            "task_id": {"value": "t-bad"}, "state": "TASK_LOST", "source": "SOURCE_MASTER",
            "message": "Task launched with invalid offers: Offer nope is no longer valid",
            "reason": "REASON_INVALID_OFFERS", "agent_id": {"value": "a1"},
        })
    );
    framework
        .accepted("KILL", json!({"task_id": {"value": "zz"}}))
        .await;
    let unknown = json!({
        "task_id": {"value": "zz"}, "state": "TASK_LOST", "source": "SOURCE_MASTER",
        "message": "Reconciliation: Task is unknown", "reason": "REASON_RECONCILIATION",
    });
    assert_eq!(update(&mut framework).await, unknown);
    framework
        .accepted(
            "RECONCILE",
            json!({"tasks": [{"task_id": {"value": "zz2"}, "agent_id": {"value": "a1"}}]}),
        )
        .await;
    assert_eq!(
        update(&mut framework).await,
        json!({
            "task_id": {"value": "zz2"}, "state": "TASK_LOST", "source": "SOURCE_MASTER",
            "message": "Reconciliation: Task is unknown to the agent",
            "reason": "REASON_RECONCILIATION", "agent_id": {"value": "a1"},
        })
    );
    let without_resources = task("t-nores", json!({"resources": []}));
    framework
        .accepted("ACCEPT", launch(&offer, &[without_resources]))
        .await;
    assert_eq!(
        update(&mut framework).await,
        json!({
            "task_id": {"value": "t-nores"}, "state": "TASK_ERROR", "source": "SOURCE_MASTER",
            "message": "Task uses no resources", "reason": "REASON_TASK_INVALID",
            "agent_id": {"value": "a1"},
        })
    );
}

#[tokio::test]
async fn what_a_task_cannot_have_yet_is_a_task_error() {
    let cell = Cell::start().await;
    let _agent = cell.agent("a1").await;
    let mut framework = cell.subscribe(info()).await;
    let offer = framework.offer().await["id"]["value"]
        .as_str()
        .unwrap()
        .to_owned();
    let container = task("t", json!({"container": {"type": "MESOS"}}));
    framework
        .accepted("ACCEPT", launch(&offer, &[container]))
        .await;
    let status = update(&mut framework).await;
    assert_eq!(status["state"], "TASK_ERROR");
    assert_eq!(
        status["message"],
        "Containers are not supported yet; leave 'container' out and use what the agent has"
    );
}

#[tokio::test]
async fn calls_that_are_not_supported_are_named() {
    let cell = Cell::start().await;
    let framework = cell.subscribe(info()).await;
    let (agent, executor) = (json!({"value": "a"}), json!({"value": "e"}));
    let uuid = "UtvzgZnvQi2EBSmq+GVkIw==";
    for (r#type, part) in [
        (
            "SHUTDOWN",
            json!({"agent_id": agent, "executor_id": executor}),
        ),
        (
            "MESSAGE",
            json!({"agent_id": agent, "executor_id": executor, "data": "aGk="}),
        ),
        ("ACCEPT_INVERSE_OFFERS", json!({})),
        ("DECLINE_INVERSE_OFFERS", json!({})),
        (
            "ACKNOWLEDGE_OPERATION_STATUS",
            json!({"agent_id": agent, "uuid": uuid, "operation_id": {"value": "o"}}),
        ),
        ("RECONCILE_OPERATIONS", json!({})),
        (
            "UPDATE_FRAMEWORK",
            json!({"framework_info": {"user": "u", "name": "n", "id": {"value": framework.id}}}),
        ),
    ] {
        let answer = framework.call(r#type, part).await;
        assert_eq!(answer.status, StatusCode::NOT_IMPLEMENTED, "{type}");
        let sentence = answer.text();
        assert!(
            sentence.starts_with(&format!("{type} is not supported yet; ")),
            "{sentence}"
        );
    }
}

#[tokio::test]
async fn nothing_of_an_accept_is_applied_if_a_part_is_not_supported() {
    let cell = Cell::start().await;
    let mut agent = cell.agent("a1").await;
    let mut framework = cell.subscribe(info()).await;
    let offer = framework.offer().await["id"]["value"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut accept = launch(&offer, &[task("t", json!({}))]);
    let operations = accept["operations"].as_array_mut().unwrap();
    operations.push(json!({"type": "RESERVE", "reserve": {"resources": []}}));
    let refused = framework.call("ACCEPT", accept).await;
    assert_eq!(refused.status, StatusCode::NOT_IMPLEMENTED);
    assert!(refused.text().starts_with("RESERVE is not supported yet; "));

    let nameless = json!({"offer_ids": [{"value": offer}], "operations": [{"type": "NONSENSE"}]});
    let refused = framework.call("ACCEPT", nameless).await;
    assert_eq!(
        (refused.status.as_u16(), refused.text()),
        (
            400,
            "Failed to validate scheduler::Call: \
             Expecting 'accept.operations[0].type' to be present"
        )
    );

    // The offer is still good.
    framework
        .accepted("ACCEPT", launch(&offer, &[task("t", json!({}))]))
        .await;
    agent.launched().await;
}
