//! Agents at the replica that does not own their cell.

use insula_client::api::KillTask;
use insula_types::message::CommandBody;

use crate::support::{Service, eventually, shell, soon, submit};

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_works_through_any_replica() {
    let Some(service) = Service::new().await else {
        return;
    };
    let (owner, other) = service.two().await;
    let mut agent = service.agent(&other).await;
    let client = service.client(&owner);
    let id = submit(&client, shell()).await;
    let launch = agent.runs().await;
    assert_eq!(launch.task.as_str(), id);
    soon(client.kill(&id, &KillTask::default())).await.unwrap();
    assert!(matches!(agent.commanded().await, CommandBody::Kill { .. }));
    agent.finishes(&launch).await;
    assert_eq!(
        soon(client.wait(&id, 50)).await.unwrap().state,
        "TASK_FINISHED"
    );

    drop(agent);
    eventually("the owner hears that it has gone", async || {
        let agents = client.agents().await.unwrap();
        (agents[0].state == "disconnected").then_some(())
    })
    .await;
}
