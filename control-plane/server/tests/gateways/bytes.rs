//! Output and input, between a reader at one replica, the owner, and an agent at another.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use insula_client::{Client, OutputRange, OutputStream};
use insula_server::ReplicaServer;
use serde_json::json;

use crate::support::{Agent, Service, launch_of, shell, soon, submit};

const FOLLOW: OutputRange = OutputRange {
    tail: None,
    offset: 0,
    follow: true,
    attempt: None,
};

/// Reads the output of a task through a replica, from before its start to its end.
async fn read_through(client: &Client, agent: &mut Agent) {
    let id = submit(client, shell()).await;
    let (reader, task) = (client.clone(), id.clone());
    let reading =
        tokio::spawn(async move { reader.output(&task, OutputStream::Stdout, FOLLOW).await });
    let launch = agent.runs().await;
    let request = agent.asked().await;
    assert_eq!(request.launch, launch.launch);
    let answering = agent.answer(&request);
    let mut output = soon(reading).await.unwrap().unwrap();
    assert_eq!(output.launch(), Some(launch_of(&launch).as_str()));
    // It comes as it is written, not when it is whole.
    answering.write("hello ").await;
    assert_eq!(soon(output.next()).await.unwrap().unwrap(), "hello ");
    answering.write("world").await;
    answering.finish().await;
    let rest: Vec<Bytes> = soon(output.try_collect()).await.unwrap();
    assert_eq!(rest.concat(), b"world");
    agent.finishes(&launch).await;
}

async fn feed_through(client: &Client, agent: &mut Agent) {
    let eater = json!({"run": {"shell": "cat"}, "stdin": true});
    let id = submit(client, eater).await;
    let chunks = stream::iter(["one", "two"]).map(|word| Ok(Bytes::from_static(word.as_bytes())));
    let (feeder, task) = (client.clone(), id.clone());
    let feeding = tokio::spawn(async move { feeder.feed(&task, chunks).await });
    let launch = agent.runs().await;
    let (request, which) = agent.asked_to_feed().await;
    assert_eq!(which, launch.launch);
    let mut input = agent.input(request).await.unwrap();
    let mut heard = Vec::new();
    while let Some(chunk) = soon(input.message()).await.unwrap() {
        heard.extend_from_slice(&chunk.data);
    }
    assert_eq!(heard, b"onetwo");
    soon(feeding).await.unwrap().unwrap();
    agent.finishes(&launch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_find_their_way_wherever_reader_and_agent_are() {
    let Some(service) = Service::new().await else {
        return;
    };
    let (owner, other) = service.two().await;
    let third = service.replica().await;
    service.until_owned_by(&owner, &third).await;
    let through = |replica: &ReplicaServer| service.client(replica);
    // One machine at a time, so that it is known who runs what.
    for place in [&owner, &other] {
        let mut agent = service.agent(place).await;
        for reader in [&owner, &other, &third] {
            read_through(&through(reader), &mut agent).await;
            feed_through(&through(reader), &mut agent).await;
        }
        drop(agent);
        let client = through(&owner);
        crate::support::eventually("the machine is gone", async || {
            let agents = client.agents().await.unwrap();
            agents
                .iter()
                .all(|it| it.state != "connected")
                .then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_goes_away_ends_the_agents_call_two_replicas_further() {
    let Some(service) = Service::new().await else {
        return;
    };
    let (_owner, other) = service.two().await;
    let client = service.client(&other);
    let mut agent = service.agent(&other).await;
    let id = submit(&client, shell()).await;
    agent.runs().await;
    let reading = tokio::spawn(async move {
        let output = client.output(&id, OutputStream::Stdout, FOLLOW);
        let mut output = output.await.unwrap();
        output.next().await
    });
    let request = agent.asked().await;
    let answering = agent.answer(&request);
    answering.write("hello").await;
    soon(reading).await.unwrap().unwrap().unwrap();
    drop(answering.ended().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_pushed_to_one_replica_is_run_by_an_agent_of_another() {
    let Some(service) = Service::new().await else {
        return;
    };
    let (owner, other) = service.two().await;
    let wasm = wat::parse_str("(module (func (export \"_start\")))").unwrap();
    let client = service.client(&other);
    let module = soon(client.push_module("story", wasm.clone().into()))
        .await
        .unwrap();
    let mut agent = service.agent(&owner).await;
    let task = json!({"run": {"module": {"digest": module.digest}}});
    submit(&client, task).await;
    agent.runs().await;
    assert_eq!(agent.fetch(&module.digest, "default").await.unwrap(), wasm);
}
