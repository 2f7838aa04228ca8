//! What people ask, of the replica that does not own the cell.

use futures::StreamExt;
use insula_client::api::KillTask;
use insula_client::{Error, Listing};
use insula_types::ErrorCode;

use crate::support::{Service, eventually, shell, soon, submit};

#[tokio::test(flavor = "multi_thread")]
async fn every_question_is_answered_by_the_wrong_replica() {
    let Some(service) = Service::new().await else {
        return;
    };
    let (owner, other) = service.two().await;
    let client = service.client(&other);
    let id = submit(&client, shell()).await;
    let why = soon(client.why(&id)).await.unwrap();
    assert!(why.reasons[0].sentence.contains("agent"), "{why:?}");
    let mut agent = service.agent(&owner).await;
    let launch = agent.runs().await;
    assert_eq!(launch.task.as_str(), id);

    let agents = soon(client.agents()).await.unwrap();
    assert_eq!(agents[0].id, agent.identity.agent);
    assert_eq!(
        (agents[0].state.as_str(), agents[0].tasks),
        ("connected", 1)
    );
    let frameworks = soon(client.frameworks()).await.unwrap();
    assert_eq!(
        (frameworks[0].id.as_str(), frameworks[0].tasks),
        ("insula", 1)
    );
    assert!(soon(client.offers()).await.unwrap().is_empty());
    let tasks = soon(client.tasks(&Listing::default())).await.unwrap();
    assert_eq!(tasks[0].id, id);

    let state = service.call(&other).get("/state").await;
    let state: serde_json::Value = serde_json::from_str(&state.text).unwrap();
    assert_eq!(state["activated_slaves"], 1.0);
    for path in [
        "/slaves",
        "/master/frameworks",
        "/tasks",
        "/redirect",
        "/version",
    ] {
        let answer = service.call(&other).get(path).await;
        assert!(answer.status.as_u16() < 400, "{path}: {answer:?}");
    }

    let waited = client.wait(&id, 50);
    let finishes = agent.finishes(&launch);
    let (waited, ()) = tokio::join!(soon(waited), finishes);
    assert_eq!(waited.unwrap().state, "TASK_FINISHED");
    assert_eq!(soon(client.task(&id)).await.unwrap().state, "TASK_FINISHED");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_wrong_replica_is_told_to_do_is_done() {
    let Some(service) = Service::new().await else {
        return;
    };
    let (owner, other) = service.two().await;
    let client = service.client(&other);
    let mut events = soon(client.events(0, true)).await.unwrap();
    let id = submit(&client, shell()).await;
    let event = soon(events.next()).await.unwrap().unwrap();
    assert_eq!(
        (event.event.as_str(), event.task),
        ("task_submitted", Some(id.clone()))
    );
    soon(client.kill(&id, &KillTask::default())).await.unwrap();
    let task = soon(service.client(&owner).task(&id)).await.unwrap();
    assert_eq!(task.state, "TASK_KILLED");
    let again = soon(client.kill(&id, &KillTask::default())).await;
    match again {
        Err(Error::Refused(detail, _)) => assert_eq!(detail.code, ErrorCode::FailedPrecondition),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_and_partitions_are_shown() {
    let Some(service) = Service::new().await else {
        return;
    };
    let (owner, other) = service.two().await;
    let client = service.client(&other);
    let replicas = eventually("both are ready", async || {
        let replicas = client.replicas().await.unwrap();
        let ready = replicas.iter().filter(|it| it.state == "ready").count();
        (ready == 2).then_some(replicas)
    })
    .await;
    for replica in &replicas {
        let is_owner = replica.id == owner.id().as_str();
        assert_eq!(replica.partitions, if is_owner { 4 } else { 0 });
        assert_eq!(replica.answers, !is_owner);
        let server = if is_owner { &owner } else { &other };
        assert_eq!(replica.advertise, server.address().to_string());
    }
    let partitions = soon(client.partitions()).await.unwrap();
    assert_eq!(partitions.iter().map(|it| it.cells).sum::<u32>(), 1);
    assert!(partitions.iter().all(|it| it.epoch != "0"));
}
