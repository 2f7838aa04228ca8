//! What an agent and the control plane say to each other.

use insula_proto::convert::agent::AgentMessage;
use insula_proto::insula::agent::v1::FromAgent as Wire;
use insula_proto::insula::agent::v1::agent_service_client::AgentServiceClient;
use insula_types::TaskState;
use insula_types::message::{CommandBody, FromAgent, Registration, ToAgent, Watermark};
use insula_types::task::Exit;
use serde_json::json;
use tonic::{Code, Status};

use crate::support::{Agent, Identity, Plane, eventually, launch_of, shell, soon, wire};

#[tokio::test(flavor = "multi_thread")]
async fn a_submitted_task_is_launched_updated_and_done() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane
        .submit(json!({"run": {"shell": "exit 3"}, "where": {"rack": "a7"}}))
        .await;
    let launch = agent.launched().await;
    assert_eq!(launch.task.as_str(), id);
    agent.update(&launch, TaskState::Running, None).await;
    assert!(matches!(agent.heard().await, ToAgent::Acknowledge { .. }));
    agent
        .update(&launch, TaskState::Failed, Some(Exit::Code(3)))
        .await;
    let task = plane.done(&id).await;
    assert_eq!(task.state, "TASK_FAILED");
    assert_eq!(task.exit, Some(Exit::Code(3)));
    assert_eq!(task.launch, Some(launch_of(&launch)));
    assert_eq!(task.agent, Some(agent.identity.agent.clone()));
    assert!(task.times.started.is_some() && task.times.ended.is_some());
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_reaches_the_agent_with_its_grace() {
    let plane = Plane::start().await;
    let mut agent = plane.agent().await;
    let id = plane.submit(shell()).await;
    let launch = agent.runs().await;
    let path = format!("/v1/tasks/{id}/kill");
    assert_eq!(
        plane.post(&path, r#"{"grace_seconds":1.5}"#).await.status,
        202
    );
    let CommandBody::Kill {
        launch: which,
        grace,
    } = agent.commanded().await
    else {
        panic!("not a kill");
    };
    assert_eq!(which, launch.launch);
    assert_eq!(grace.map(|grace| grace.as_millis()), Some(1_500));
    agent
        .update(&launch, TaskState::Killed, Some(Exit::Signal(15)))
        .await;
    assert_eq!(plane.done(&id).await.state, "TASK_KILLED");
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_session_ends_the_older_and_goes_on_with_its_work() {
    let plane = Plane::start().await;
    let mut older = plane.agent().await;
    let mut newer = Agent::register(&older.identity).await;
    let reason = loop {
        if let ToAgent::Disconnect { reason } = older.heard().await {
            break reason;
        }
    };
    assert_eq!(reason, "a newer session of the same agent took over");
    assert!(older.end().await.is_ok());
    let id = plane.submit(shell()).await;
    let launch = newer.runs().await;
    newer.finishes(&launch).await;
    assert_eq!(plane.done(&id).await.state, "TASK_FINISHED");
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_leaves_is_shown_as_disconnected_and_may_return() {
    let plane = Plane::start().await;
    let agent = plane.agent().await;
    let state = async || plane.client.agents().await.unwrap()[0].state.clone();
    assert_eq!(state().await, "connected");
    let identity = agent.identity.clone();
    drop(agent);
    eventually("it is gone", async || state().await == "disconnected").await;
    let _back = Agent::register(&identity).await;
    assert_eq!(state().await, "connected");
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_ends_that_session_alone() {
    let plane = Plane::start().await;
    let mut other = plane.agent().await;
    let twice = AgentMessage::Hello {
        session: "again".into(),
    };
    let mut of_the_future = wire(AgentMessage::Kernel(FromAgent::Alive {
        watermark: Watermark::default(),
        clock: insula_types::Time(3),
    }));
    of_the_future.format_version = 1_000;
    for bad in [Wire::default(), wire(twice), of_the_future] {
        let mut agent = plane.agent().await;
        agent.send(bad).await;
        let status = agent.end().await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    }
    let id = plane
        .submit(json!({"run": {"shell": "true"}, "resources": "cpus:4"}))
        .await;
    let launch = other.runs().await;
    other.finishes(&launch).await;
    assert_eq!(plane.done(&id).await.state, "TASK_FINISHED");
    plane.stop().await;
}

async fn begin_with(identity: &Identity, first: Option<Wire>) -> Status {
    let mut client: AgentServiceClient<_> = identity.client().await;
    let said = tokio_stream::iter(first);
    soon(client.session(said)).await.map(drop).unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_begins_with_a_hello() {
    let plane = Plane::start().await;
    let identity = Identity::enroll(&plane.token().await).await.unwrap();
    let alive = wire(AgentMessage::Kernel(FromAgent::Alive {
        watermark: Watermark::default(),
        clock: insula_types::Time(1),
    }));
    for first in [None, Some(alive)] {
        let status = begin_with(&identity, first).await;
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), "a session begins with a hello");
    }
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_machine_in_another_directory_is_refused() {
    let plane = Plane::start().await;
    let identity = Identity::enroll(&plane.token().await).await.unwrap();
    let mut copy = Agent::open(&identity).await.unwrap();
    let FromAgent::Register(registration) = copy.registration() else {
        panic!("not a registration");
    };
    let elsewhere = Registration {
        checkpoint: "another-directory".into(),
        ..*registration
    };
    copy.say(FromAgent::Register(Box::new(elsewhere))).await;
    let status = copy.end().await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(
        status.message().contains("another work directory"),
        "{status}"
    );
    assert!(plane.client.agents().await.unwrap().is_empty());
    plane.stop().await;
}
