//! What replicas show of themselves to the operator, and to nobody else.

use std::collections::BTreeSet;

use http::Method;
use insula_telemetry::metrics::{Process, table};
use serde_json::json;

use crate::support::{Call, Events, Service, eventually, shell, soon, submit};

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_that_did_something_export_every_metric_and_no_other() {
    let Some(service) = Service::new().await else {
        return;
    };
    let (owner, other) = service.two().await;
    let mut agent = service.agent(&other).await;
    let client = service.client(&other);
    let id = submit(&client, shell()).await;
    let launch = agent.runs().await;
    agent.finishes(&launch).await;
    soon(client.wait(&id, 50)).await.unwrap();
    let info = json!({"user": "root", "name": "story", "failover_timeout": 60.0});
    let subscribe = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
    let call = service
        .call(&other)
        .header("content-type", "application/json");
    let response = call
        .open(Method::POST, "/api/v1/scheduler", &subscribe.to_string())
        .await;
    let mut events = Events::of(response);
    events.next_of("OFFERS").await;

    let wanted: BTreeSet<String> = table::all()
        .filter(|metric| metric.is_of(Process::ControlPlane))
        .map(insula_telemetry::metrics::Definition::prometheus_name)
        .collect();
    let mut found = BTreeSet::new();
    for replica in [&owner, &other] {
        let text = soon(service.call(replica).get("/metrics")).await.text;
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        found.extend(types.filter_map(|line| Some(line.split_once(' ')?.0.to_owned())));
        assert!(text.contains("insula_broker_up 1\n"), "{text}");
        assert!(
            text.contains("insula_replicas{state=\"ready\"} 2\n"),
            "{text}"
        );
    }
    assert_eq!(found, wanted);
    let text = soon(service.call(&owner).get("/metrics")).await.text;
    assert!(text.contains("insula_partitions_owned 4\n"), "{text}");
    assert!(text.contains("insula_lease_age_seconds{partition=\"0\"} "));
    let heard = r#"insula_link_messages_total{direction="received",kind="hello"} "#;
    assert!(text.contains(heard), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_operator_reads_them() {
    let Some(service) = Service::new().await else {
        return;
    };
    let replica = service.replica().await;
    service.until_owned_by(&replica, &replica).await;
    let stranger = Call::to(&replica.address().to_string());
    let machine = service.machine(&service.client(&replica), &replica).await;
    for path in ["/metrics", "/metrics/snapshot"] {
        assert_eq!(stranger.get(path).await.status, 401, "{path}");
        assert_eq!(stranger.clone().plain().get(path).await.status, 401);
        let wrong = stranger.clone().bearer("guess");
        assert_eq!(wrong.get(path).await.status, 401, "{path}");
        let agent = stranger.clone().by(&machine);
        assert_eq!(agent.get(path).await.status, 403, "{path}");
        eventually("the operator reads them", async || {
            let answer = service.call(&replica).get(path).await;
            (answer.status == 200).then_some(())
        })
        .await;
    }
}
