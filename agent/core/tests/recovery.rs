//! The agent's process dies and comes back.

#![allow(clippy::unwrap_used)]

mod harness;

use harness::{Agent, EPOCH, launch, launch_id};
use insula_agent_core::{Absence, Effect, Input, Refusal};
use insula_types::message::CommandBody;
use insula_types::task::Exit;
use insula_types::{Reason, Span, TaskState, TraceContext};

fn unrecovered(agent: &Agent) -> Vec<u64> {
    agent
        .core
        .unrecovered()
        .map(|task| task.launch.number)
        .collect()
}

#[test]
fn a_task_that_lives_on_is_adopted_with_its_updates() {
    let mut agent = Agent::registered();
    agent.start(1);
    let running = agent.only_update();
    agent.restart();
    assert_eq!(unrecovered(&agent), [1]);
    agent.step(Input::Started {
        launch: launch_id(1),
        at: None,
    });
    assert!(unrecovered(&agent).is_empty());
    agent.connect();
    let report = agent.registration().tasks.remove(0);
    assert_eq!(
        (report.state, report.pending),
        (TaskState::Running, running.uuid)
    );
    agent.register(EPOCH);
    assert_eq!(
        agent.only_update(),
        running,
        "the same update, with the same uuid"
    );
}

#[test]
fn the_end_that_came_meanwhile_is_reported() {
    let mut agent = Agent::registered();
    agent.start(1);
    let running = agent.only_update();
    agent.acknowledge(1, running.uuid);
    agent.restart();
    agent.end(1, Exit::Signal(11));
    agent.connect();
    agent.register(EPOCH);
    let failed = agent.only_update();
    assert_eq!(failed.state, TaskState::Failed);
    assert_eq!(
        failed.message,
        "Command terminated with signal Segmentation fault"
    );
}

#[test]
fn a_launch_that_never_reached_its_executor_is_dropped_and_not_started() {
    let mut agent = Agent::registered();
    agent.command(launch(1));
    agent.restart();
    let absence = Absence::AgentRestarted;
    agent.step(Input::Absent {
        launch: launch_id(1),
        absence,
    });
    agent.connect();
    agent.register(EPOCH);
    let effects = agent.effects.clone();
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Start(_)))
    );
    let dropped = agent.only_update();
    assert_eq!(
        (dropped.state, dropped.reason),
        (TaskState::Dropped, Some(Reason::AgentRestarted))
    );
    let again = agent.numbered(1, launch(1));
    assert!(matches!(
        agent.try_hear(EPOCH, again),
        Err(Refusal::AlreadyApplied { .. })
    ));
}

#[test]
fn a_running_task_does_not_survive_the_machine() {
    let mut agent = Agent::registered();
    agent.start(1);
    let running = agent.only_update();
    agent.acknowledge(1, running.uuid);
    agent.restart();
    agent.step(Input::Absent {
        launch: launch_id(1),
        absence: Absence::MachineRestarted,
    });
    agent.connect();
    agent.register(EPOCH);
    let failed = agent.only_update();
    assert_eq!(
        (failed.state, failed.reason),
        (TaskState::Failed, Some(Reason::ExecutorTerminated))
    );
    assert_eq!(
        failed.message,
        "the machine was restarted while the task was running"
    );
}

#[test]
fn a_kill_that_may_not_have_arrived_is_asked_for_again() {
    let mut agent = Agent::registered();
    agent.start(1);
    agent.command(CommandBody::Kill {
        launch: launch_id(1),
        grace: Some(Span::from_secs(1)),
    });
    agent.restart();
    agent.step(Input::Started {
        launch: launch_id(1),
        at: None,
    });
    assert!(agent.take().iter().any(
        |effect| matches!(effect, Effect::Kill { grace, .. } if *grace == Span::from_secs(1))
    ));
    agent.end(1, Exit::Signal(15));
    agent.connect();
    agent.register(EPOCH);
    let running = agent.only_update();
    agent.acknowledge(1, running.uuid);
    assert_eq!(agent.only_update().state, TaskState::Killed);
}

#[test]
fn a_time_limit_goes_on_counting() {
    let mut agent = Agent::registered();
    agent.plan.max_completion = Some(Span::from_secs(60));
    agent.start(1);
    agent.restart();
    agent.now = agent.now + Span::from_secs(59);
    agent.step(Input::Started {
        launch: launch_id(1),
        at: None,
    });
    assert_eq!(
        agent.core.next_timeout(),
        Some(agent.now + Span::from_secs(1))
    );
}

#[test]
fn a_running_task_that_nobody_launched_is_killed() {
    let mut agent = Agent::registered();
    agent.step(Input::Started {
        launch: launch_id(5),
        at: None,
    });
    assert_eq!(
        agent.take(),
        [Effect::Kill {
            launch: launch_id(5),
            kind: None,
            grace: Span::ZERO,
            trace: TraceContext::default(),
        }]
    );
}

#[test]
fn a_lost_acknowledgement_only_costs_a_repetition() {
    let mut agent = Agent::registered();
    agent.start(1);
    let running = agent.only_update();
    agent.acknowledge(1, running.uuid);
    assert!(agent.journal.pop().unwrap().is_lazy());
    agent.restart();
    agent.step(Input::Started {
        launch: launch_id(1),
        at: None,
    });
    agent.connect();
    agent.register(EPOCH);
    assert_eq!(agent.only_update().uuid, running.uuid);
}

#[test]
fn killing_everything_is_durable() {
    let mut agent = Agent::registered();
    agent.start(1);
    agent.start(2);
    agent.take();
    agent.step(Input::KillAll);
    let kills = agent
        .take()
        .iter()
        .filter(|effect| matches!(effect, Effect::Kill { .. }))
        .count();
    assert_eq!(kills, 2);
    agent.restart();
    agent.end(1, Exit::Signal(15));
    agent.end(2, Exit::Signal(9));
    agent.connect();
    agent.register(EPOCH);
    for running in agent.updates() {
        let number = if running.task.as_str() == "t1" { 1 } else { 2 };
        agent.acknowledge(number, running.uuid);
    }
    let states: Vec<TaskState> = agent.updates().iter().map(|update| update.state).collect();
    assert_eq!(states, [TaskState::Killed, TaskState::Killed]);
}
