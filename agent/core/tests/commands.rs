//! Commands: applied once, in order, in the session and epoch that may command.

#![allow(clippy::unwrap_used)]

mod harness;

use harness::{Agent, EPOCH, UNREACHABLE_AFTER, launch, launch_id};
use insula_agent_core::{Config, Effect, Record, Refusal};
use insula_types::message::{Command, CommandBody, ToAgent, Watermark};
use insula_types::{Epoch, Span};

fn starts(agent: &mut Agent) -> usize {
    agent
        .take()
        .iter()
        .filter(|effect| matches!(effect, Effect::Start(_)))
        .count()
}

#[test]
fn a_launch_is_durable_with_its_number_before_it_starts() {
    let mut agent = Agent::registered();
    agent.command(launch(1));
    let effects = agent.take();
    let Effect::Journal(Record::Launched { watermark, task }) = &effects[0] else {
        panic!("{effects:?}");
    };
    assert_eq!(
        *watermark,
        Watermark {
            epoch: EPOCH,
            seq: 1
        }
    );
    assert_eq!(task.launch, launch_id(1));
    assert!(matches!(&effects[1], Effect::Start(start) if start.launch == launch_id(1)));
}

#[test]
fn a_repeated_command_is_refused() {
    let mut agent = Agent::registered();
    agent.command(launch(1));
    let again = agent.numbered(1, launch(1));
    let refusal = agent.try_hear(EPOCH, again).unwrap_err();
    assert_eq!(refusal, Refusal::AlreadyApplied { seq: 1, last: 1 });
}

#[test]
fn a_known_launch_does_not_start_again_under_another_number() {
    let mut agent = Agent::registered();
    agent.command(launch(1));
    agent.command(launch(1));
    assert_eq!(starts(&mut agent), 1);
    assert_eq!(agent.core.watermark().seq, 2);
}

#[test]
fn a_gap_makes_the_agent_register_again_and_applies_nothing() {
    let mut agent = Agent::registered();
    let ahead = agent.numbered(2, launch(2));
    agent.hear(ahead);
    assert_eq!(
        agent.registration().watermark,
        Watermark {
            epoch: EPOCH,
            seq: 0
        }
    );
    let first = agent.numbered(1, launch(1));
    assert_eq!(
        agent.try_hear(EPOCH, first.clone()),
        Err(Refusal::NotRegistered)
    );
    agent.register(EPOCH);
    agent.hear(first);
    assert_eq!(starts(&mut agent), 1);
}

#[test]
fn a_command_that_was_sent_before_the_latest_registration_is_not_applied() {
    let mut agent = Agent::new();
    agent.connect();
    let early = agent.numbered(1, launch(1));
    // The answer is slow, so the agent registers once more; then the answer to the first comes.
    agent.wait(Config::default().heartbeat);
    agent.register(EPOCH);
    assert_eq!(agent.try_hear(EPOCH, early), Err(Refusal::NotRegistered));
    assert_eq!(agent.registration().watermark.seq, 0);
    agent.register(EPOCH);
    agent.command(launch(1));
    assert_eq!(starts(&mut agent), 1);
}

#[test]
fn a_launch_that_was_under_way_for_too_long_is_not_started() {
    let mut agent = Agent::registered();
    let late = agent.numbered(1, launch(1));
    agent.wait(UNREACHABLE_AFTER);
    agent.take();
    agent.hear(late);
    assert_eq!(agent.registration().watermark.seq, 0);
    agent.register(EPOCH);
    agent.command(launch(1));
    assert_eq!(
        starts(&mut agent),
        1,
        "with a fresh echo of the clock it is obeyed"
    );
}

#[test]
fn a_late_kill_is_obeyed() {
    let mut agent = Agent::registered();
    agent.start(1);
    let kill = CommandBody::Kill {
        launch: launch_id(1),
        grace: None,
    };
    let late = ToAgent::Command(Command {
        seq: 2,
        agent_clock: agent.now,
        body: kill,
    });
    agent.wait(UNREACHABLE_AFTER);
    agent.take();
    agent.hear(late);
    assert!(
        agent
            .take()
            .iter()
            .any(|effect| matches!(effect, Effect::Kill { .. }))
    );
}

#[test]
fn a_lower_epoch_is_refused_and_a_higher_one_must_register_first() {
    let mut agent = Agent::registered();
    let command = agent.numbered(1, launch(1));
    let lower = agent.try_hear(Epoch(6), command.clone());
    assert_eq!(
        lower,
        Err(Refusal::LowerEpoch {
            given: Epoch(6),
            known: EPOCH
        })
    );
    agent.try_hear(Epoch(8), command.clone()).unwrap();
    assert_eq!(agent.registration().watermark.epoch, EPOCH);
    agent.register(Epoch(8));
    assert_eq!(
        agent.take()[0],
        Effect::Journal(Record::Applied(Watermark {
            epoch: Epoch(8),
            seq: 0
        }))
    );
    assert!(matches!(
        agent.try_hear(EPOCH, command),
        Err(Refusal::LowerEpoch { .. })
    ));
}

#[test]
fn a_message_for_another_session_is_refused() {
    let mut agent = Agent::registered();
    let old = agent.session();
    agent.connect();
    let message = agent.numbered(1, launch(1));
    let plan = agent.plan;
    let input = insula_agent_core::Input::Message {
        epoch: EPOCH,
        session: old.clone(),
        message,
        plan,
    };
    assert_eq!(
        agent.try_step(input),
        Err(Refusal::OtherSession { given: old })
    );
}

#[test]
fn a_kill_of_an_unknown_launch_only_advances_the_watermark() {
    let mut agent = Agent::registered();
    agent.command(CommandBody::Kill {
        launch: launch_id(9),
        grace: None,
    });
    assert_eq!(
        agent.take(),
        [Effect::Journal(Record::Applied(Watermark {
            epoch: EPOCH,
            seq: 1
        }))]
    );
}

#[test]
fn a_burst_of_commands_is_confirmed_once() {
    let mut agent = Agent::registered();
    for _ in 0..100 {
        agent.command(CommandBody::Noop);
    }
    agent.take();
    agent.wait(Span::from_millis(20));
    let sent = agent.take();
    assert_eq!(sent.len(), 1, "{sent:?}");
}

#[test]
fn a_lost_registration_is_repeated_with_the_heartbeat() {
    let mut agent = Agent::new();
    agent.connect();
    agent.take();
    agent.wait(Span::from_secs(5));
    assert_eq!(agent.registration().watermark, Watermark::default());
}
