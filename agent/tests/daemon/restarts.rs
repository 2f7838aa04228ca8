use std::fs;

use insula_agent::ShutdownMode;
use insula_types::TaskState;
use insula_types::task::Exit;

use crate::cluster::{self, launch_id, until};
use crate::machine::Machine;
use crate::service;

#[tokio::test]
async fn after_a_crash_tasks_live_on_and_their_updates_arrive() {
    let mut service = service::start().await;
    let machine = Machine::new(&service);
    let go = machine.work_dir().join("go");
    let agent = machine.start(ShutdownMode::LeaveTasks);
    let mut session = cluster::session(&mut service).await;
    let waits = format!("until [ -e {} ]; do sleep 0.01; done; exit 5", go.display());
    session.run(1, &waits).await;
    let (_, running) = session.update().await;
    agent.crash().await;

    let agent = machine.start(ShutdownMode::KillTasks);
    let mut session = cluster::session(&mut service).await;
    let report = &session.registration.tasks[0];
    assert_eq!(report.launch, launch_id(1));
    assert_eq!(
        (report.state, report.pending),
        (TaskState::Running, running.uuid)
    );
    let (_, again) = session.update().await;
    assert_eq!(
        again, running,
        "what was not acknowledged comes again as it was"
    );
    session.acknowledge(launch_id(1), &again).await;
    fs::write(&go, "").unwrap();
    let failed = session.end(1).await;
    assert_eq!(
        (failed.state, failed.exit),
        (TaskState::Failed, Some(Exit::Code(5)))
    );
    agent.stop().await;
}

#[tokio::test]
async fn a_task_that_ended_while_the_agent_was_away_is_reported() {
    let mut service = service::start().await;
    let machine = Machine::new(&service);
    let (go, done) = (
        machine.work_dir().join("go"),
        machine.work_dir().join("done"),
    );
    let agent = machine.start(ShutdownMode::LeaveTasks);
    let mut session = cluster::session(&mut service).await;
    let script = format!(
        "until [ -e {} ]; do sleep 0.01; done; touch {}",
        go.display(),
        done.display()
    );
    session.run(1, &script).await;
    session.running(1).await;
    agent.stop().await;
    fs::write(&go, "").unwrap();
    until(|| done.exists()).await;

    let agent = machine.start(ShutdownMode::KillTasks);
    let mut session = cluster::session(&mut service).await;
    assert_eq!(session.end(1).await.state, TaskState::Finished);
    assert!(session.confirmed().await.seq >= 2);
    agent.stop().await;
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_nothing_runs_twice() {
    let mut service = service::start().await;
    let machine = Machine::new(&service);
    let agent = machine.start(ShutdownMode::KillTasks);
    let mut first = cluster::session(&mut service).await;
    first.run(1, "echo once").await;
    let (_, running) = first.update().await;
    drop(first);

    let mut session = cluster::session(&mut service).await;
    assert_eq!(session.registration.watermark.seq, 1);
    let (_, again) = session.update().await;
    assert_eq!(again.uuid, running.uuid);
    session.acknowledge(launch_id(1), &again).await;
    assert_eq!(session.end(1).await.state, TaskState::Finished);
    let sandboxes = machine.work_dir().join("work/sandboxes");
    let stdout = fs::read_to_string(sandboxes.join(launch_id(1).to_string()).join("stdout"));
    assert_eq!(stdout.unwrap(), "once\n");
    agent.stop().await;
}

#[tokio::test]
async fn a_stopped_agent_that_kills_its_tasks_tells_so_now_or_at_the_next_start() {
    let mut service = service::start().await;
    let machine = Machine::new(&service);
    let agent = machine.start(ShutdownMode::KillTasks);
    let mut session = cluster::session(&mut service).await;
    session.run(1, "sleep 1000").await;
    session.running(1).await;
    // Nobody acknowledges the end, so it is told again by the next agent.
    let stopping = tokio::spawn(agent.stop());
    let (_, killed) = session.update().await;
    assert_eq!(killed.state, TaskState::Killed);
    stopping.await.unwrap();

    let agent = machine.start(ShutdownMode::KillTasks);
    let mut session = cluster::session(&mut service).await;
    let (_, again) = session.update().await;
    assert_eq!(again, killed);
    session.acknowledge(launch_id(1), &again).await;
    session.confirmed().await;
    agent.stop().await;
}
