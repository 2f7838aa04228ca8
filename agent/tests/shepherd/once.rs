//! A launch id starts at most once.

use std::fs;

use insula_agent::shepherd::{Request, Status, TaskState};

use crate::agent::Agent;

#[tokio::test]
async fn starting_again_tells_the_state_again() {
    let mut agent = Agent::new("again");
    let welcome = agent.welcome().await;
    let spec = agent.shell(
        "a",
        "echo ran >> runs; while [ ! -e go ]; do sleep 0.01; done; exit 2",
    );
    let started = agent.start(spec.clone()).await;
    agent.send(Request::Start(Box::new(spec.clone())));
    assert_eq!(agent.state().await, TaskState::Started(started));
    fs::write(agent.sandbox("a").join("go"), "").unwrap();
    let exited = agent.end("a").await;
    assert_eq!(exited.status, Status::Code(2));
    agent.send(Request::Start(Box::new(spec)));
    assert_eq!(agent.state().await, TaskState::Exited(exited));
    assert_eq!(
        fs::read_to_string(agent.sandbox("a").join("runs")).unwrap(),
        "ran\n"
    );
    agent.shut_down(&welcome.shepherd).await;
}

#[tokio::test]
async fn a_start_that_failed_is_not_tried_again() {
    let mut agent = Agent::new("failed");
    let welcome = agent.welcome().await;
    let mut spec = agent.shell("a", "touch ran");
    let there = spec.cwd.clone();
    spec.cwd = agent.dir.path().join("later");
    agent.send(Request::Start(Box::new(spec.clone())));
    let failed = agent.state().await;
    assert!(matches!(failed, TaskState::StartFailed(_)));
    spec.cwd = there;
    agent.send(Request::Start(Box::new(spec)));
    assert_eq!(agent.state().await, failed);
    agent.shut_down(&welcome.shepherd).await;
}

#[tokio::test]
async fn many_short_tasks_all_end_once() {
    const TASKS: usize = 100;
    let mut agent = Agent::new("many");
    let welcome = agent.welcome().await;
    for index in 0..TASKS {
        let spec = agent.shell(&format!("t{index}"), "exit 0");
        agent.send(Request::Start(Box::new(spec)));
    }
    let mut ended = std::collections::BTreeSet::new();
    while ended.len() < TASKS {
        match agent.state().await {
            TaskState::Started(_) => {}
            TaskState::Exited(exited) => assert!(ended.insert(exited.id)),
            other => panic!("{other:?}"),
        }
    }
    agent.shut_down(&welcome.shepherd).await;
}
