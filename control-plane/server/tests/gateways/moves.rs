//! Owners that change while somebody calls.

use std::time::{Duration, Instant};

use futures::StreamExt;
use insula_client::Error;
use insula_types::message::ToAgent;

use crate::support::{Service, eventually, shell, soon, submit};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_a_partition_that_is_handed_over() {
    let Some(service) = Service::new().await else {
        return;
    };
    let (owner, other) = service.two().await;
    let client = service.client(&other);
    let mut agent = service.agent(&other).await;
    let mut events = soon(client.events(0, true)).await.unwrap();
    let caller = client.clone();
    let calling = tokio::spawn(async move {
        let mut submitted = 0;
        let begun = Instant::now();
        // Over the hand-over, and some more after it.
        while begun.elapsed() < Duration::from_secs(3) {
            submit(&caller, shell()).await;
            submitted += 1;
        }
        submitted
    });
    submit(&client, shell()).await;
    soon(owner.drain()).await.unwrap();
    service.until_owned_by(&other, &other).await;
    // None of them was refused: `submit` gives up at the first refusal.
    let submitted = soon(calling).await.unwrap();
    assert!(submitted > 0);
    // The agent stayed connected and is asked to register with the new owner.
    while !matches!(agent.heard().await, ToAgent::Resync) {}
    agent.say(agent.registration()).await;
    while !matches!(agent.heard().await, ToAgent::Registered { .. }) {}
    // Whoever watched the old owner is not left to believe that nothing happens.
    let broken = loop {
        match soon(events.next()).await {
            Some(Ok(_)) => {}
            ended => break ended,
        }
    };
    assert!(
        matches!(broken, Some(Err(Error::BrokenOff { .. }))),
        "{broken:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_died_costs_refusals_that_say_when_to_come_back() {
    let Some(service) = Service::with_leases(Duration::from_secs(4)).await else {
        return;
    };
    let (owner, other) = service.two().await;
    let client = service.client(&other);
    let agent = service.agent(&other).await;
    submit(&client, shell()).await;
    drop(owner);
    for path in ["/v1/offers", "/slaves"] {
        let refused = soon(service.call(&other).get(path)).await;
        assert_eq!(refused.status, 503, "{path}: {refused:?}");
        assert_eq!(refused.header("retry-after"), "1", "{path}");
    }
    // Rows need no owner.
    assert_eq!(service.call(&other).get("/tasks").await.status, 200);
    eventually("the other one takes over", async || {
        client.offers().await.is_ok().then_some(())
    })
    .await;
    submit(&client, shell()).await;
    drop(agent);
}
