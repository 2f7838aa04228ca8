//! What somebody pipes into a task.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use insula_client::Error;
use insula_types::ErrorCode;
use serde_json::json;
use tonic::Code;

use crate::support::{Plane, shell, soon};

fn chunks(
    words: &'static [&'static str],
) -> impl futures::Stream<Item = std::io::Result<Bytes>> + Send + Sync + 'static {
    stream::iter(words).map(|word| Ok(Bytes::from_static(word.as_bytes())))
}

fn eater() -> serde_json::Value {
    json!({"run": {"shell": "cat"}, "stdin": true})
}

#[tokio::test(flavor = "multi_thread")]
async fn input_reaches_the_task_and_ends() {
    let plane = Plane::start().await;
    let id = plane.submit(eater()).await;
    // Fed before there is a machine to run it.
    let (client, task) = (plane.client.clone(), id.clone());
    let feeder = tokio::spawn(async move { client.feed(&task, chunks(&["one", "two"])).await });
    let mut agent = plane.agent().await;
    let launch = agent.runs().await;
    let (request, which) = agent.asked_to_feed().await;
    assert_eq!(which, launch.launch);
    let mut input = agent.input(request.clone()).await.unwrap();
    let mut heard = String::new();
    while let Some(chunk) = soon(input.message()).await.unwrap() {
        heard.push_str(std::str::from_utf8(&chunk.data).unwrap());
    }
    assert_eq!(heard, "onetwo");
    soon(feeder).await.unwrap().unwrap();
    let again = agent.input(request).await.unwrap_err();
    assert_eq!(again.code(), Code::NotFound);
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn input_that_is_given_up_does_not_look_like_its_end() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane.submit(eater()).await;
    agent.runs().await;
    let client = plane.client.clone();
    let endless = chunks(&["one"]).chain(stream::pending());
    let feeder = tokio::spawn(async move { client.feed(&id, endless).await });
    let (request, _) = agent.asked_to_feed().await;
    let mut input = agent.input(request).await.unwrap();
    assert_eq!(soon(input.message()).await.unwrap().unwrap().data, "one");
    feeder.abort();
    let status = soon(input.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted, "{status}");
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_takes_no_input_says_so() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane.submit(shell()).await;
    let launch = agent.runs().await;
    let feed = plane.client.feed(&id, chunks(&["x"]));
    let refuse = async {
        let (request, _) = agent.asked_to_feed().await;
        agent
            .fails(request, "the task does not wait for input", false)
            .await;
    };
    let (refused, ()) = tokio::join!(feed, refuse);
    let Err(Error::Refused(detail, _)) = refused else {
        panic!("not refused: {refused:?}");
    };
    assert_eq!(detail.code, ErrorCode::FailedPrecondition);
    assert_eq!(detail.message, "the task does not wait for input");

    agent.finishes(&launch).await;
    plane.done(&id).await;
    let Err(Error::Refused(detail, _)) = plane.client.feed(&id, chunks(&["x"])).await else {
        panic!("a task that is over takes input");
    };
    assert_eq!(
        detail.message,
        format!("task '{id}' takes no input: it is TASK_FINISHED")
    );
    plane.stop().await;
}
