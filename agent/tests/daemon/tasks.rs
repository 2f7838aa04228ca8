use std::fs;

use insula_agent::ShutdownMode;
use insula_proto::convert::agent::{AgentMessage, Output, ServiceMessage};
use insula_types::message::CommandBody;
use insula_types::task::Exit;
use insula_types::{Reason, Span, TaskState};
use tokio::time::timeout;

use crate::cluster::{self, SOON, Session, launch_id, until};
use crate::machine::{Agent, Machine};
use crate::service::{self, Running};

async fn connected() -> (Running, Machine, Agent, Session) {
    let mut service = service::start().await;
    let machine = Machine::new(&service);
    let agent = machine.start(ShutdownMode::KillTasks);
    let session = cluster::session(&mut service).await;
    (service, machine, agent, session)
}

#[tokio::test]
async fn a_command_runs_to_its_end() {
    let (service, machine, agent, mut session) = connected().await;
    session
        .run(
            1,
            r#"echo "out $INSULA_TASK_ID $TRACEPARENT"; echo err >&2; exit 3"#,
        )
        .await;
    let failed = session.end(1).await;
    assert_eq!(
        (failed.state, failed.exit),
        (TaskState::Failed, Some(Exit::Code(3)))
    );
    assert_eq!(failed.message, "Command exited with status 3");

    let stdout = service.service.expect_output("r1");
    session.read("r1", 1, Output::Stdout, false).await;
    let stdout = String::from_utf8(timeout(SOON, stdout).await.unwrap().unwrap()).unwrap();
    assert!(
        stdout.starts_with("out t1 00-00000000000000000000000000000007-"),
        "{stdout}"
    );
    let stderr = service.service.expect_output("r2");
    session.read("r2", 1, Output::Stderr, true).await;
    assert_eq!(timeout(SOON, stderr).await.unwrap().unwrap(), b"err\n");
    agent.stop().await;
    drop(machine);
}

#[tokio::test]
async fn output_is_followed_while_the_task_runs() {
    let (service, machine, agent, mut session) = connected().await;
    let go = machine.work_dir().join("go");
    let script = format!(
        "echo one; until [ -e {} ]; do sleep 0.01; done; echo two",
        go.display()
    );
    session.run(1, &script).await;
    session.running(1).await;
    let output = service.service.expect_output("r");
    session.read("r", 1, Output::Stdout, true).await;
    fs::write(&go, "").unwrap();
    assert_eq!(session.end(1).await.state, TaskState::Finished);
    assert_eq!(timeout(SOON, output).await.unwrap().unwrap(), b"one\ntwo\n");
    agent.stop().await;
}

#[tokio::test]
async fn input_reaches_a_task_that_waits_for_it() {
    let (service, _machine, agent, mut session) = connected().await;
    service.service.offer_input("in", b"some words\n");
    session
        .run_with(1, "cat; echo end", r#","stdin":true"#)
        .await;
    let feed = ServiceMessage::FeedInput {
        request: "in".to_owned(),
        launch: launch_id(1),
    };
    session.send(feed).await;
    assert_eq!(session.end(1).await.state, TaskState::Finished);
    let output = service.service.expect_output("out");
    session.read("out", 1, Output::Stdout, false).await;
    assert_eq!(
        timeout(SOON, output).await.unwrap().unwrap(),
        b"some words\nend\n"
    );
    agent.stop().await;
}

#[tokio::test]
async fn a_kill_ends_a_task_that_does_not_listen() {
    let (_service, machine, agent, mut session) = connected().await;
    let deaf = machine.work_dir().join("deaf");
    let script = format!(
        "trap '' TERM; touch {}; while true; do sleep 0.05; done",
        deaf.display()
    );
    session.run(1, &script).await;
    session.running(1).await;
    until(|| deaf.exists()).await;
    let grace = Some(Span::from_millis(50));
    session
        .command(CommandBody::Kill {
            launch: launch_id(1),
            grace,
        })
        .await;
    let killed = session.end(1).await;
    assert_eq!(
        (killed.state, killed.exit),
        (TaskState::Killed, Some(Exit::Signal(9)))
    );
    assert_eq!(killed.message, "Command terminated with signal Killed");
    agent.stop().await;
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let (_service, _machine, agent, mut session) = connected().await;
    session
        .run_with(1, "true", r#","container":{"type":"MESOS"}"#)
        .await;
    let failed = session.end(1).await;
    assert_eq!(failed.reason, Some(Reason::ContainerLaunchFailed));
    assert!(failed.message.contains("container"), "{}", failed.message);
    agent.stop().await;
}

#[tokio::test]
async fn a_task_that_runs_too_long_is_ended() {
    let (_service, _machine, agent, mut session) = connected().await;
    let limit = r#","max_completion_time":{"nanoseconds":100000000}"#;
    session.run_with(1, "sleep 100", limit).await;
    let failed = session.end(1).await;
    assert_eq!(
        failed.reason,
        Some(Reason::MaxCompletionTimeReached),
        "{failed:?}"
    );
    agent.stop().await;
}

#[tokio::test]
async fn the_output_of_an_unknown_task_is_not_found() {
    let (_service, _machine, agent, mut session) = connected().await;
    session.read("r", 9, Output::Stdout, true).await;
    loop {
        match session.next().await {
            AgentMessage::RequestFailed {
                request, not_found, ..
            } => {
                assert_eq!((request.as_str(), not_found), ("r", true));
                break;
            }
            AgentMessage::Kernel(_) => {}
            other => panic!("{other:?}"),
        }
    }
    agent.stop().await;
}

#[tokio::test]
async fn many_tasks_run_at_once() {
    let (_service, _machine, agent, mut session) = connected().await;
    for number in 1..=50 {
        session.run(number, "true").await;
    }
    let mut finished = 0;
    while finished < 50 {
        let (launch, status) = session.update().await;
        session.acknowledge(launch, &status).await;
        finished += u32::from(status.state == TaskState::Finished);
    }
    assert_eq!(session.confirmed().await.seq, 100);
    agent.stop().await;
}
