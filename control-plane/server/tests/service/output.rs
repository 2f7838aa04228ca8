//! A task's output on its way from the agent to whoever reads it.

use futures::{StreamExt, TryStreamExt};
use insula_client::api::SubmitTask;
use insula_client::{ByteStream, Error, OutputRange, OutputStream};
use insula_proto::convert::agent::{Output, Start};
use insula_types::{ErrorCode, TaskState};
use tokio::io::AsyncWriteExt;

use crate::support::{Plane, eventually, launch_of, read_to_end, shell, soon};

const FOLLOW: OutputRange = OutputRange {
    tail: None,
    offset: 0,
    follow: true,
    attempt: None,
};

async fn text(stream: ByteStream) -> Result<String, Error> {
    let chunks: Vec<_> = soon(stream.try_collect()).await?;
    Ok(String::from_utf8(chunks.concat()).unwrap())
}

fn refusal<T>(result: Result<T, Error>) -> (ErrorCode, String) {
    match result {
        Err(Error::Refused(detail, _)) => (detail.code, detail.message),
        Err(other) => panic!("not refused: {other}"),
        Ok(_) => panic!("not refused"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_reads_from_before_the_start_to_the_end() {
    let plane = Plane::start().await;
    let id = plane.submit(shell()).await;
    let (client, task) = (plane.client.clone(), id.clone());
    let reader =
        tokio::spawn(async move { client.output(&task, OutputStream::Stdout, FOLLOW).await });
    let mut agent = plane.agent().await;
    let launch = agent.runs().await;
    let request = agent.asked().await;
    assert_eq!((request.output, request.follow), (Output::Stdout, true));
    assert_eq!(request.launch, launch.launch);
    let answering = agent.answer(&request);
    // The reader has its stream before there is anything to read.
    let mut stream = soon(reader).await.unwrap().unwrap();
    assert_eq!(stream.launch(), Some(launch_of(&launch).as_str()));
    answering.write("hello ").await;
    assert_eq!(soon(stream.next()).await.unwrap().unwrap(), "hello ");
    answering.write("world").await;
    answering.finish().await;
    assert_eq!(text(stream).await.unwrap(), "world");
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_the_output_is_asked_for_as_such() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane.submit(shell()).await;
    let launch = agent.runs().await;
    agent.finishes(&launch).await;
    plane.done(&id).await;
    let tail = OutputRange {
        tail: Some(5),
        ..OutputRange::default()
    };
    let read = plane.client.output(&id, OutputStream::Stderr, tail);
    let answer = async {
        let request = agent.asked().await;
        assert_eq!(
            (request.output, request.start),
            (Output::Stderr, Start::Tail(5))
        );
        assert!(!request.follow);
        let answering = agent.answer(&request);
        answering.write("world").await;
        answering.finish().await;
    };
    let (stream, ()) = tokio::join!(read, answer);
    assert_eq!(text(stream.unwrap()).await.unwrap(), "world");
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_breaks_off_is_not_taken_for_the_whole() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane.submit(shell()).await;
    agent.runs().await;
    let read = plane.client.output(&id, OutputStream::Stdout, FOLLOW);
    let answer = async {
        let request = agent.asked().await;
        let answering = agent.answer(&request);
        answering.write("hel").await;
        answering
    };
    let (stream, answering) = tokio::join!(read, answer);
    let mut stream = stream.unwrap();
    assert_eq!(soon(stream.next()).await.unwrap().unwrap(), "hel");
    answering.abort();
    let broken = soon(stream.next()).await.unwrap();
    assert!(matches!(broken, Err(Error::BrokenOff { .. })), "{broken:?}");
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_start_of_a_task_has_output_of_its_own() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane
        .submit(serde_json::json!({"run": {"shell": "false"}, "retries": 1}))
        .await;
    let of = |attempt| OutputRange {
        attempt: Some(attempt),
        ..FOLLOW
    };
    // The second start is waited for before the first has ended.
    let (client, task) = (plane.client.clone(), id.clone());
    let late = tokio::spawn(async move { client.output(&task, OutputStream::Stdout, of(1)).await });
    let first = agent.runs().await;
    agent.update(&first, TaskState::Failed, None).await;
    let second = agent.runs().await;
    assert_eq!(agent.asked().await.launch, second.launch);
    let (client, task) = (plane.client.clone(), id.clone());
    let early =
        tokio::spawn(async move { client.output(&task, OutputStream::Stdout, of(0)).await });
    assert_eq!(agent.asked().await.launch, first.launch);
    late.abort();
    early.abort();
    agent.update(&second, TaskState::Failed, None).await;
    plane.done(&id).await;
    let never = plane.client.output(&id, OutputStream::Stdout, of(7)).await;
    assert_eq!(
        refusal(never).1,
        format!("there is no start number 7 of task '{id}'")
    );
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_ends_the_agents_call() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane.submit(shell()).await;
    agent.runs().await;
    let read = plane.client.output(&id, OutputStream::Stdout, FOLLOW);
    let answer = async {
        let request = agent.asked().await;
        agent.answer(&request)
    };
    let (stream, answering) = tokio::join!(read, answer);
    drop(stream);
    answering.ended().await.unwrap();
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_leaves_before_the_start_leaves_nothing_behind() {
    let plane = Plane::start().await;
    let id = plane.submit(shell()).await;
    let mut stream = plane.connect().await;
    let request =
        format!("GET /v1/tasks/{id}/output/stdout?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    // The server closes a connection whose client has closed, even while the request waits.
    stream.shutdown().await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, "");
    let mut agent = plane.agent().await;
    let launch = agent.runs().await;
    agent.finishes(&launch).await;
    plane.done(&id).await;
    plane.stop().await;
    while let Ok(Some(message)) = agent.next().await {
        let asked = matches!(
            message,
            insula_proto::convert::agent::ServiceMessage::ReadOutput(_)
        );
        assert!(!asked, "nobody reads any more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_agent_cannot_show_is_said() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane.submit(shell()).await;
    let launch = agent.runs().await;
    let read = || plane.client.output(&id, OutputStream::Stdout, FOLLOW);
    let refuse = async {
        let request = agent.asked().await;
        agent
            .fails(request.request, "the disk is gone", false)
            .await;
        let request = agent.asked().await;
        agent.fails(request.request, "no such launch", true).await;
    };
    let both = async { (refusal(read().await), refusal(read().await)) };
    let ((refused, unknown), ()) = tokio::join!(both, refuse);
    assert_eq!(refused.0, ErrorCode::FailedPrecondition);
    assert_eq!(refused.1, "the disk is gone");
    // A task that runs must have output somewhere; only one that is over may never have had any.
    assert_eq!(unknown.0, ErrorCode::NotFound);
    agent.finishes(&launch).await;
    plane.done(&id).await;
    let refuse = async {
        let request = agent.asked().await;
        agent.fails(request.request, "no such launch", true).await;
    };
    let (nothing, ()) = tokio::join!(read(), refuse);
    assert_eq!(text(nothing.unwrap()).await.unwrap(), "");

    let name = agent.identity.agent.clone();
    drop(agent);
    let sentence = format!("agent {name} is not connected");
    eventually("it is gone", async || {
        let refused = tokio::time::timeout(std::time::Duration::from_secs(5), read()).await;
        matches!(refused, Ok(Err(Error::Refused(detail, _))) if detail.message == sentence && detail.code == ErrorCode::Unavailable)
    })
    .await;
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_leaves_while_it_is_asked_fails_the_reader() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane.submit(shell()).await;
    agent.runs().await;
    let read = plane.client.output(&id, OutputStream::Stdout, FOLLOW);
    let leave = async {
        agent.asked().await;
        drop(agent);
    };
    let (refused, ()) = soon(async { tokio::join!(read, leave) }).await;
    assert_eq!(refusal(refused).0, ErrorCode::Unavailable);
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_cannot_answer_what_it_was_not_asked() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let mut other = plane.agent().await;
    let task: SubmitTask = serde_json::from_value(shell()).unwrap();
    let id = plane.submit(serde_json::to_value(task).unwrap()).await;
    let one = tokio::select! {
        launch = agent.runs() => { drop(launch); true }
        launch = other.runs() => { drop(launch); false }
    };
    let (asked, foreign) = if one {
        (&mut agent, &other)
    } else {
        (&mut other, &agent)
    };
    let read = plane.client.output(&id, OutputStream::Stdout, FOLLOW);
    let answer = async {
        let request = asked.asked().await;
        let stolen = foreign.answer(&request).ended().await.unwrap_err();
        assert_eq!(stolen.code(), tonic::Code::NotFound);
        let answering = asked.answer(&request);
        answering.write("mine").await;
        answering.finish().await;
    };
    let (stream, ()) = tokio::join!(read, answer);
    assert_eq!(text(stream.unwrap()).await.unwrap(), "mine");
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_never_started_has_none() {
    let plane = Plane::start().await;
    let id = plane.submit(shell()).await;
    let now = OutputRange::default();
    let early = plane.client.output(&id, OutputStream::Stdout, now).await;
    let (code, sentence) = refusal(early);
    assert_eq!(code, ErrorCode::FailedPrecondition);
    assert_eq!(
        sentence,
        format!("task '{id}' has not started yet, so it has no output")
    );
    let path = format!("/v1/tasks/{id}/output/stdlog");
    assert_eq!(plane.get(&path).await.failure().1, "not_found");
    plane.stop().await;
}
