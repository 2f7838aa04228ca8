//! A Mesos framework at the replica that does not own its cell.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Call, Events, Service, basic};

const SCHEDULER: &str = "/api/v1/scheduler";

struct Framework {
    call: Call,
    id: String,
    events: Events,
}

impl Framework {
    async fn subscribe(call: &Call) -> Self {
        let call = call.clone().header("content-type", "application/json");
        let subscribe = json!({
            "type": "SUBSCRIBE",
            "subscribe": {"framework_info": {"user": "root", "name": "story", "failover_timeout": 60.0}},
        });
        let response = call
            .open(Method::POST, SCHEDULER, &subscribe.to_string())
            .await;
        let stream = response.headers()["mesos-stream-id"].to_str().unwrap();
        let call = call.header("mesos-stream-id", stream);
        let mut events = Events::of(response);
        let subscribed = events.next_of("SUBSCRIBED").await;
        let id = subscribed["subscribed"]["framework_id"]["value"].as_str();
        Self {
            call,
            id: id.unwrap().to_owned(),
            events,
        }
    }

    async fn says(&self, r#type: &str, key: &str, value: Value) {
        let call = json!({"type": r#type, "framework_id": {"value": self.id}, key: value});
        let answer = self.call.post(SCHEDULER, &call.to_string()).await;
        assert_eq!(answer.status, 202, "{type}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_lives_a_whole_life_at_the_wrong_replica() {
    let Some(service) = Service::new().await else {
        return;
    };
    let (owner, other) = service.two().await;
    let authorization = basic(&service.credential.principal, &service.credential.secret);
    let call = Call::to(&other.address().to_string()).header("authorization", &authorization);
    let mut framework = Framework::subscribe(&call).await;
    // The owner's beats on the link are what makes a heartbeat (rule R17).
    framework.events.next_of("HEARTBEAT").await;
    framework.events.next_of("HEARTBEAT").await;

    let mut agent = service.agent(&owner).await;
    let offers = framework.events.next_of("OFFERS").await;
    let offer = &offers["offers"]["offers"][0];
    let task = json!({
        "name": "story",
        "task_id": {"value": "story-1"},
        "agent_id": offer["agent_id"],
        "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}}],
        "command": {"value": "true"},
    });
    let accept = json!({
        "offer_ids": [offer["id"]],
        "operations": [{"type": "LAUNCH", "launch": {"task_infos": [task]}}],
    });
    framework.says("ACCEPT", "accept", accept).await;
    let launch = agent.runs().await;
    assert_eq!(launch.task.as_str(), "story-1");
    let update = framework.events.next_of("UPDATE").await;
    let status = &update["update"]["status"];
    assert_eq!(status["state"], "TASK_RUNNING");
    let acknowledge = json!({
        "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"],
    });
    framework
        .says("ACKNOWLEDGE", "acknowledge", acknowledge)
        .await;
    framework
        .says("RECONCILE", "reconcile", json!({"tasks": []}))
        .await;
    let told = framework.events.next_of("UPDATE").await;
    assert_eq!(told["update"]["status"]["reason"], "REASON_RECONCILIATION");
    framework.says("TEARDOWN", "teardown", json!({})).await;
    while framework.events.next().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_whose_owner_dies_is_sent_away_and_comes_back() {
    let leases = std::time::Duration::from_secs(1);
    let Some(service) = Service::with_leases(leases).await else {
        return;
    };
    let (owner, other) = service.two().await;
    let call = service.call(&other);
    let mut framework = Framework::subscribe(&call).await;
    drop(owner);
    // That its stream ends is how it learns that it must reconcile (rule R17).
    while framework.events.next().await.is_some() {}
    service.until_owned_by(&other, &other).await;
    Framework::subscribe(&call).await;
}
