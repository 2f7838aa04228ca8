//! The relay with the agent's side played by the test.
#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use bytes::Bytes;
use insula_proto::convert::agent::{Output as Stream, OutputRequest, Start};
use insula_telemetry::fresh;
use insula_types::Epoch;
use tokio::sync::mpsc;

use super::*;
use crate::relay::GivenUp;

const LAUNCH: LaunchId = LaunchId {
    epoch: Epoch(1),
    number: 1,
};

/// That of whoever asks.
static TRACE: LazyLock<TraceContext> = LazyLock::new(fresh);

fn agent(name: &str) -> AgentId {
    AgentId::from(name)
}

fn stdout(request: String) -> ServiceMessage {
    ServiceMessage::ReadOutput(OutputRequest {
        request,
        launch: LAUNCH,
        output: Stream::Stdout,
        start: Start::Offset(0),
        follow: false,
    })
}

fn question() -> Asking {
    Asking {
        trace: TRACE.clone(),
        message: stdout(String::new()),
    }
}

async fn asked(requests: &mut mpsc::Receiver<Asking>) -> String {
    match requests.recv().await.map(|asking| asking.message) {
        Some(
            ServiceMessage::ReadOutput(OutputRequest { request, .. })
            | ServiceMessage::FeedInput { request, .. },
        ) => request,
        other => panic!("the agent was asked nothing, but {other:?}"),
    }
}

/// A reader of agent `a`, and the end that the agent writes to.
async fn joined(relay: &Relay, requests: &mut mpsc::Receiver<Asking>) -> (Output, Sink) {
    let a = agent("a");
    let answer = async {
        let request = asked(requests).await;
        assert!(relay.answer(&agent("b"), &request).is_none(), "not its own");
        let Some(Expected::Output(sink)) = relay.answer(&a, &request) else {
            panic!("the request is not known");
        };
        assert!(relay.answer(&a, &request).is_none(), "answered once");
        sink
    };
    let (output, sink) = tokio::join!(relay.read(&a, &TRACE, stdout), answer);
    (output.unwrap(), sink)
}

#[tokio::test]
async fn an_answer_is_joined_with_its_request_and_no_other_agents() {
    let relay = Relay::default();
    let (_line, _sender, mut requests) = relay.agents().open(&agent("a"));
    let (mut output, sink) = joined(&relay, &mut requests).await;
    assert!(sink.send(Bytes::from_static(b"hello")).await);
    sink.finish();
    assert_eq!(output.next().await.unwrap().unwrap(), "hello");
    assert_eq!(output.next().await, Ok(None));
    assert_eq!(output.next().await, Ok(None));
}

#[tokio::test]
async fn output_that_broke_off_is_not_taken_for_the_whole() {
    let relay = Relay::default();
    let (_line, _sender, mut requests) = relay.agents().open(&agent("a"));
    let (mut output, sink) = joined(&relay, &mut requests).await;
    assert!(sink.send(Bytes::from_static(b"hel")).await);
    drop(sink);
    assert_eq!(output.next().await.unwrap().unwrap(), "hel");
    assert_eq!(output.next().await, Err(Failure::BrokenOff(agent("a"))));
}

#[tokio::test]
async fn a_reader_that_leaves_ends_the_agents_call() {
    let relay = Relay::default();
    let (_line, _sender, mut requests) = relay.agents().open(&agent("a"));
    let (output, sink) = joined(&relay, &mut requests).await;
    drop(output);
    sink.closed().await;
    assert!(!sink.send(Bytes::from_static(b"hello")).await);
}

#[tokio::test]
async fn an_agent_that_is_away_or_goes_away_fails_the_request() {
    let relay = Relay::default();
    let a = agent("a");
    let gone = Err(Failure::Disconnected(a.clone()));
    assert_eq!(relay.read(&a, &TRACE, stdout).await.map(drop), gone);
    let (_line, sender, mut requests) = relay.agents().open(&a);
    let leave = async {
        asked(&mut requests).await;
        relay.disconnected(&sender);
    };
    let (read, ()) = tokio::join!(relay.read(&a, &TRACE, stdout), leave);
    assert_eq!(read.map(drop), gone);
    assert!(relay.lock().is_empty());
}

#[tokio::test]
async fn the_end_of_an_older_connection_leaves_the_requests_of_the_newer_alone() {
    let relay = Relay::default();
    let (_line, older, _) = relay.agents().open(&agent("a"));
    let (_line, _newer, mut requests) = relay.agents().open(&agent("a"));
    let answer = async {
        let request = asked(&mut requests).await;
        relay.agents().close(&agent("a"), &older);
        relay.disconnected(&older);
        relay.answer(&agent("a"), &request).unwrap()
    };
    let a = agent("a");
    let (read, _sink) = tokio::join!(relay.read(&a, &TRACE, stdout), answer);
    assert!(read.is_ok());
}

#[tokio::test]
async fn an_agent_that_does_not_answer_is_given_up() {
    let relay = Relay {
        patience: Duration::from_millis(1),
        ..Relay::default()
    };
    let a = agent("a");
    let (_line, _sender, mut requests) = relay.agents().open(&a);
    let silent = relay.read(&a, &TRACE, stdout).await.map(drop);
    assert_eq!(silent, Err(Failure::Silent(a.clone())));
    let request = asked(&mut requests).await;
    assert!(relay.answer(&a, &request).is_none(), "it was forgotten");
}

#[tokio::test]
async fn an_agent_that_is_behind_is_not_asked_more() {
    let relay = Relay::default();
    let a = agent("a");
    let (_line, sender, _requests) = relay.agents().open(&a);
    while sender.try_send(question()).is_ok() {}
    let busy = relay.read(&a, &TRACE, stdout).await.map(drop);
    assert_eq!(busy, Err(Failure::Busy(a)));
    assert!(relay.lock().is_empty());
}

async fn fed(relay: &Relay, requests: &mut mpsc::Receiver<Asking>) -> (Input, Source) {
    let a = agent("a");
    let answer = async {
        let request = asked(requests).await;
        match relay.answer(&a, &request) {
            Some(Expected::Input(source)) => source,
            other => panic!("the request is not known: {other:?}"),
        }
    };
    let (input, source) = tokio::join!(relay.feed(&a, &TRACE, LAUNCH), answer);
    (input.unwrap(), source)
}

#[tokio::test]
async fn input_ends_for_both_sides() {
    let relay = Relay::default();
    let (_line, _sender, mut requests) = relay.agents().open(&agent("a"));
    let (input, mut source) = fed(&relay, &mut requests).await;
    assert!(input.send(Bytes::from_static(b"data")).await);
    let take = async {
        assert_eq!(source.next().await.unwrap().unwrap(), "data");
        assert_eq!(source.next().await, Ok(None));
    };
    let (finished, ()) = tokio::join!(input.finish(), take);
    assert_eq!(finished, Ok(()));
}

#[tokio::test]
async fn input_that_is_given_up_or_not_wanted_is_not_taken_for_whole() {
    let relay = Relay::default();
    let (_line, _sender, mut requests) = relay.agents().open(&agent("a"));
    let (input, mut source) = fed(&relay, &mut requests).await;
    drop(input);
    assert_eq!(source.next().await, Err(GivenUp));
    let (input, source) = fed(&relay, &mut requests).await;
    drop(source);
    assert!(!input.send(Bytes::from_static(b"data")).await);
    assert!(matches!(input.finish().await, Err(Failure::Refused(_))));
}
