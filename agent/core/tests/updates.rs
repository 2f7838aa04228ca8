//! Status updates: what they say, and that each is sent until it is acknowledged.

#![allow(clippy::unwrap_used)]

mod harness;

use harness::{Agent, EPOCH, exit, launch, launch_id};
use insula_agent_core::{Effect, End, EndCause, Input, LaunchPlan, Record};
use insula_types::message::CommandBody;
use insula_types::task::{AgentTimes, Exit};
use insula_types::{Reason, Source, Span, TaskState, Time, TraceContext};

#[test]
fn a_task_runs_ends_and_is_forgotten() {
    let mut agent = Agent::registered();
    agent.start(1);
    let running = agent.only_update();
    assert_eq!(
        (running.state, running.source),
        (TaskState::Running, Source::Executor)
    );
    agent.acknowledge(1, running.uuid);
    agent.end(1, Exit::Code(0));
    let finished = agent.only_update();
    assert_eq!(finished.state, TaskState::Finished);
    assert_eq!(finished.message, "Command exited with status 0");
    assert_eq!(finished.exit, Some(Exit::Code(0)));
    agent.acknowledge_terminal(1, finished.uuid);
    assert!(agent.core.task(launch_id(1)).is_none());
    assert_eq!(agent.core.records().len(), 1, "only the watermark is left");
}

#[test]
fn the_next_update_waits_for_the_acknowledgement_of_the_one_before() {
    let mut agent = Agent::registered();
    agent.start(1);
    let running = agent.only_update();
    agent.end(1, Exit::Code(1));
    assert!(agent.updates().is_empty());
    agent.acknowledge(1, running.uuid);
    let failed = agent.only_update();
    assert_eq!((failed.state, failed.reason), (TaskState::Failed, None));
    assert_eq!(failed.message, "Command exited with status 1");
}

#[test]
fn an_update_is_durable_before_it_is_sent() {
    let mut agent = Agent::registered();
    agent.command(launch(1));
    agent.take();
    agent.step(Input::Started {
        launch: launch_id(1),
        at: None,
    });
    let effects = agent.take();
    assert!(
        matches!(effects[0], Effect::Journal(Record::Updated { .. })),
        "{effects:?}"
    );
    assert!(matches!(effects[1], Effect::Send { .. }), "{effects:?}");
}

#[test]
fn an_update_is_sent_again_after_10_20_40_seconds_up_to_10_minutes() {
    let mut agent = Agent::registered();
    agent.start(1);
    let first = agent.only_update();
    let mut gaps = Vec::new();
    let mut gap = 0;
    while gaps.len() < 9 {
        agent.wait(Span::from_secs(1));
        gap += 1;
        for again in agent.updates() {
            assert_eq!(again, first);
            gaps.push(gap);
            gap = 0;
        }
    }
    assert_eq!(gaps, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
}

#[test]
fn all_that_waits_is_sent_at_once_when_a_session_is_registered() {
    let mut agent = Agent::registered();
    agent.start(1);
    agent.start(2);
    agent.wait(Span::from_secs(500));
    agent.take();
    agent.step(Input::Disconnected);
    agent.wait(Span::from_secs(500));
    assert!(agent.updates().is_empty());
    agent.connect();
    assert!(
        agent.updates().is_empty(),
        "not before the session is committed"
    );
    agent.register(EPOCH);
    assert_eq!(agent.updates().len(), 2);
    agent.wait(Span::from_secs(10));
    assert_eq!(agent.updates().len(), 2, "and the retries begin anew");
}

#[test]
fn much_that_waits_is_sent_in_slices() {
    let mut agent = Agent::registered();
    agent.step(Input::Disconnected);
    let mut records = agent.core.records();
    for number in 1..=2500 {
        let CommandBody::Launch(launch) = launch(number) else {
            unreachable!()
        };
        let watermark = agent.core.watermark();
        let task = insula_agent_core::TaskRecord::of(&launch, LaunchPlan::default(), Time(1));
        records.push(Record::Launched { watermark, task });
    }
    agent.core = harness::load(1, records.clone());
    let mut effects = Vec::new();
    for number in 1..=2500 {
        let started = Input::Started {
            launch: launch_id(number),
            at: None,
        };
        agent.core.step(agent.now, started, &mut effects).unwrap();
    }
    effects.clear();
    let session: insula_types::SessionId = "late".into();
    agent
        .core
        .step(agent.now, Input::Connected { session }, &mut effects)
        .unwrap();
    effects.clear();
    let message = insula_types::message::ToAgent::Registered {
        unreachable_after: harness::UNREACHABLE_AFTER,
    };
    let session = agent.core.session().unwrap().clone();
    let plan = LaunchPlan::default();
    let registered = Input::Message {
        epoch: EPOCH,
        session,
        message,
        plan,
    };
    agent
        .core
        .step(agent.now, registered, &mut effects)
        .unwrap();
    assert_eq!(effects.len(), 1000);
    while agent.core.next_timeout() == Some(agent.now) {
        agent
            .core
            .step(agent.now, Input::Timer, &mut effects)
            .unwrap();
    }
    assert_eq!(effects.len(), 2500);
}

#[test]
fn a_killed_task_is_killed_however_it_ends() {
    for how in [Exit::Code(0), Exit::Code(143), Exit::Signal(15)] {
        let mut agent = Agent::registered();
        agent.start(1);
        let running = agent.only_update();
        agent.acknowledge(1, running.uuid);
        agent.command(CommandBody::Kill {
            launch: launch_id(1),
            grace: None,
        });
        agent.end(1, how);
        assert_eq!(agent.only_update().state, TaskState::Killed);
    }
}

#[test]
fn a_repeated_kill_may_shorten_the_grace_but_not_lengthen_it() {
    let mut agent = Agent::registered();
    agent.start(1);
    agent.take();
    let mut graces = Vec::new();
    for grace in [None, Some(Span::from_secs(1)), Some(Span::from_secs(60))] {
        agent.command(CommandBody::Kill {
            launch: launch_id(1),
            grace,
        });
        graces.extend(agent.take().into_iter().filter_map(|effect| match effect {
            Effect::Kill { grace, .. } => Some(grace),
            _ => None,
        }));
    }
    assert_eq!(
        graces,
        [Span::from_secs(3), Span::from_secs(1), Span::from_secs(1)]
    );
}

#[test]
fn a_task_killed_before_it_started_says_so() {
    let mut agent = Agent::registered();
    agent.command(launch(1));
    agent.command(CommandBody::Kill {
        launch: launch_id(1),
        grace: None,
    });
    let sentence = "withdrawn".to_owned();
    agent.step(Input::StartFailed {
        launch: launch_id(1),
        sentence,
    });
    let killed = agent.only_update();
    assert_eq!(
        (killed.state, killed.reason),
        (TaskState::Killed, Some(Reason::TaskKilledDuringLaunch))
    );
}

#[test]
fn a_failed_start_carries_its_sentence() {
    let mut agent = Agent::registered();
    agent.command(launch(1));
    let sentence = "cannot start 'nope': no such program".to_owned();
    agent.step(Input::StartFailed {
        launch: launch_id(1),
        sentence: sentence.clone(),
    });
    let failed = agent.only_update();
    assert_eq!(
        (failed.state, failed.reason, failed.message),
        (
            TaskState::Failed,
            Some(Reason::ContainerLaunchFailed),
            sentence
        )
    );
}

#[test]
fn a_memory_limit_is_named_as_the_reason() {
    let mut agent = Agent::registered();
    agent.start(1);
    let running = agent.only_update();
    agent.acknowledge(1, running.uuid);
    let end = End {
        exit: Some(Exit::Signal(9)),
        cause: EndCause::MemoryLimit,
        message: "memory limit of 64 MB reached".to_owned(),
        at: agent.now,
    };
    agent.step(Input::Ended {
        launch: launch_id(1),
        end,
    });
    let failed = agent.only_update();
    assert_eq!(failed.state, TaskState::Failed);
    assert_eq!(failed.reason, Some(Reason::ContainerLimitationMemory));
}

#[test]
fn a_task_that_runs_too_long_is_killed_without_grace_and_fails() {
    let mut agent = Agent::registered();
    agent.plan.max_completion = Some(Span::from_secs(2));
    agent.start(1);
    let running = agent.only_update();
    agent.acknowledge(1, running.uuid);
    agent.take();
    agent.wait(Span::from_secs(2));
    assert!(agent.take().iter().any(|effect| matches!(
        effect,
        Effect::Kill {
            grace: Span::ZERO,
            ..
        }
    )));
    agent.end(1, Exit::Signal(9));
    let failed = agent.only_update();
    assert_eq!(failed.state, TaskState::Failed);
    assert_eq!(failed.reason, Some(Reason::MaxCompletionTimeReached));
    assert!(failed.message.contains("2.0 s"), "{}", failed.message);
}

#[test]
fn the_end_of_a_forgotten_launch_is_forgotten_by_its_executor() {
    let mut agent = Agent::registered();
    let end = exit(Exit::Code(0), agent.now);
    agent.step(Input::Ended {
        launch: launch_id(3),
        end,
    });
    assert_eq!(
        agent.take(),
        [Effect::Forget {
            launch: launch_id(3),
            kind: None,
            trace: TraceContext::default(),
        }]
    );
}

#[test]
fn an_update_says_when_the_task_passed_each_step_also_after_a_restart() {
    let mut agent = Agent::registered();
    let received = Some(agent.now);
    agent.command(launch(1));
    agent.now = agent.now + Span::from_secs(1);
    let started = Some(agent.now);
    agent.now = agent.now + Span::from_secs(1);
    agent.step(Input::Started {
        launch: launch_id(1),
        at: started,
    });
    agent.now = agent.now + Span::from_secs(1);
    agent.end(1, Exit::Code(0));
    let running = AgentTimes {
        received,
        started,
        ended: None,
    };
    let update = agent.only_update();
    assert_eq!(update.on_agent, running, "what comes later is not told");
    let ended = Some(agent.now);

    agent.restart();
    agent.connect();
    agent.register(EPOCH);
    assert_eq!(agent.only_update().on_agent, running);
    agent.acknowledge(1, update.uuid);
    assert_eq!(
        agent.only_update().on_agent,
        AgentTimes { ended, ..running }
    );
}

#[test]
fn what_executors_are_told_of_a_task_carries_its_trace() {
    let mut agent = Agent::registered();
    let CommandBody::Launch(launched) = launch(1) else {
        unreachable!()
    };
    agent.start(1);
    agent.take();
    agent.command(CommandBody::Kill {
        launch: launch_id(1),
        grace: None,
    });
    agent.end(1, Exit::Signal(15));
    let traces: Vec<TraceContext> = agent
        .take()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Kill { trace, .. } | Effect::Forget { trace, .. } => Some(trace),
            _ => None,
        })
        .collect();
    assert_eq!(traces, [launched.trace.clone(), launched.trace.clone()]);
}
