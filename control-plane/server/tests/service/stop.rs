//! A control plane that is told to stop does so within seconds, whoever listens to it.

use std::time::Duration;

use futures::StreamExt;
use insula_client::{Error, OutputRange, OutputStream};
use insula_types::ErrorCode;
use tokio::io::AsyncWriteExt;

use crate::support::{Plane, read_to_end, shell, soon};

const FOLLOW: OutputRange = OutputRange {
    tail: None,
    offset: 0,
    follow: true,
    attempt: None,
};

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_would_go_on_for_ever_ends() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let runs = plane.submit(shell()).await;
    agent.runs().await;
    let waits = plane
        .submit(serde_json::json!({"run": {"shell": "x"}, "resources": "cpus:99"}))
        .await;

    let mut events = plane.client.events(0, true).await.unwrap();
    let read = plane.client.output(&runs, OutputStream::Stdout, FOLLOW);
    let answer = async {
        let request = agent.asked().await;
        agent.answer(&request)
    };
    let (output, answering) = tokio::join!(read, answer);
    let mut output = output.unwrap();
    let client = plane.client.clone();
    let task = waits.clone();
    let waiter = tokio::spawn(async move { client.wait(&task, 50).await });
    let client = plane.client.clone();
    let task = waits.clone();
    let follower =
        tokio::spawn(async move { client.output(&task, OutputStream::Stdout, FOLLOW).await });
    let client = plane.client.clone();
    let endless = futures::stream::pending();
    let feeder = tokio::spawn(async move { client.feed(&waits, endless).await });
    let mut silent = plane.connect().await;
    let mut half = plane.connect().await;
    half.write_all(b"GET /v1/ver").await.unwrap();
    // All of them are being served once their connections are accepted in order and one after them
    // was answered; those that come too late are refused, which is an end as well.
    assert_eq!(plane.get("/v1/version").await.status, 200);

    let directory = tokio::time::timeout(Duration::from_secs(30), plane.stop())
        .await
        .expect("it stops within seconds");

    while let Some(event) = soon(events.next()).await {
        event.unwrap();
    }
    let broken = soon(output.next()).await.unwrap();
    assert!(matches!(broken, Err(Error::BrokenOff { .. })), "{broken:?}");
    let _any_end = answering.ended().await;
    let ended = agent.end().await.unwrap_err();
    assert!(!ended.message().is_empty());
    is_an_end(soon(waiter).await.unwrap());
    is_an_end(soon(follower).await.unwrap());
    is_an_end(soon(feeder).await.unwrap());
    assert_eq!(read_to_end(&mut silent).await, "");
    read_to_end(&mut half).await;

    let plane = Plane::over(directory).await;
    assert_eq!(plane.client.task(&runs).await.unwrap().id, runs);
    plane.stop().await;
}

fn is_an_end<T>(result: Result<T, Error>) {
    match result {
        Err(Error::Refused(detail, _)) => assert_eq!(detail.code, ErrorCode::Unavailable),
        Err(Error::BrokenOff { .. } | Error::Unreachable { .. }) => {}
        Err(other) => panic!("not the end: {other}"),
        Ok(_) => panic!("it was answered as if nothing were"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_is_dropped_cuts_everybody() {
    let plane = Plane::start().await;
    let mut events = plane.client.events(0, true).await.unwrap();
    let mut silent = plane.connect().await;
    let mut agent = plane.agent().await;
    drop(plane);
    while let Some(Ok(_)) = soon(events.next()).await {}
    assert!(agent.end().await.is_err());
    assert_eq!(read_to_end(&mut silent).await, "");
}
