//! What a registration says of the tasks, and launches that nobody has a record of.

#![allow(clippy::unwrap_used)]

mod harness;

use harness::{Agent, EPOCH, launch, launch_id};
use insula_agent_core::{Effect, Input, Record, Refusal};
use insula_types::message::{AGENT_PROTOCOL, FromAgent, ToAgent};
use insula_types::task::Exit;
use insula_types::{Epoch, Span, TaskState, TasksDigest, UpdateUuid};

/// A task that runs, with its update acknowledged; returns the update.
fn settle(agent: &mut Agent, number: u64) -> UpdateUuid {
    agent.take();
    agent.start(number);
    let uuid = agent.only_update().uuid;
    agent.acknowledge(number, uuid);
    agent.take();
    uuid.unwrap()
}

fn launches(registration: &insula_types::message::Registration) -> Vec<u64> {
    let tasks = registration.tasks.iter();
    tasks.map(|task| task.launch.number).collect()
}

#[test]
fn what_is_settled_is_a_digest_and_the_rest_is_reported() {
    let mut agent = Agent::registered();
    let settled = settle(&mut agent, 1);
    agent.command(launch(2));
    agent.start(3);
    settle(&mut agent, 4);
    agent.end(4, Exit::Code(0));
    agent.take();
    agent.hear(ToAgent::Resync);
    let registration = agent.registration();
    assert_eq!(registration.protocol, AGENT_PROTOCOL);
    assert_eq!(launches(&registration), [3, 4]);
    let digest = TasksDigest::of([(launch_id(1), Some(settled)), (launch_id(2), None)]);
    assert_eq!(registration.settled, Some(digest));
}

#[test]
fn every_task_is_reported_when_the_digest_is_not_what_was_expected() {
    let mut agent = Agent::registered();
    let settled = settle(&mut agent, 1);
    agent.command(launch(2));
    agent.take();
    agent.hear(ToAgent::Resync);
    assert!(agent.registration().settled.is_some());
    agent.hear(ToAgent::ReportAll);
    let registration = agent.registration();
    assert_eq!(registration.settled, None);
    assert_eq!(launches(&registration), [1, 2]);
    let report = &registration.tasks[0];
    assert_eq!((report.pending, report.last), (None, Some(settled)));
    assert_eq!(report.state, TaskState::Running);
    agent.register(EPOCH);
    agent.hear(ToAgent::Resync);
    assert!(agent.registration().settled.is_some(), "once was enough");
}

#[test]
fn a_session_that_ends_before_its_registration_is_answered_is_followed_by_a_full_one() {
    let mut agent = Agent::registered();
    settle(&mut agent, 1);
    agent.step(Input::Disconnected);
    agent.connect();
    assert!(agent.registration().settled.is_some());
    agent.wait(insula_agent_core::Config::default().heartbeat);
    assert!(agent.registration().settled.is_some(), "it is only late");
    agent.step(Input::Disconnected);
    agent.connect();
    let registration = agent.registration();
    assert_eq!(
        (registration.settled, launches(&registration)),
        (None, vec![1])
    );
}

#[test]
fn a_registration_in_digest_does_not_grow_with_the_tasks() {
    let mut agent = Agent::registered();
    for number in 1..=100 {
        settle(&mut agent, number);
    }
    agent.hear(ToAgent::Resync);
    assert!(agent.registration().tasks.is_empty());
}

#[test]
fn a_launch_that_is_discarded_is_killed_and_forgotten_once_it_has_ended() {
    let mut agent = Agent::registered();
    settle(&mut agent, 1);
    let watermark = agent.core.watermark();
    let launch = launch_id(1);
    agent.hear(ToAgent::Discard { launch });
    let effects = agent.take();
    assert!(matches!(
        effects[0],
        Effect::Journal(Record::KillAsked { .. })
    ));
    assert!(matches!(effects[1], Effect::Kill { .. }));
    agent.end(1, Exit::Signal(15));
    assert_eq!(agent.only_update().state, TaskState::Killed);
    agent.hear(ToAgent::Discard { launch });
    assert_eq!(
        agent.take(),
        [Effect::Journal(Record::Forgotten { watermark, launch })]
    );
    agent.hear(ToAgent::Discard { launch });
    assert_eq!(agent.take(), [], "once is enough");
    assert_eq!(agent.core.launches().count(), 0);
}

#[test]
fn only_the_committed_owner_discards() {
    let mut agent = Agent::registered();
    settle(&mut agent, 1);
    let discard = ToAgent::Discard {
        launch: launch_id(1),
    };
    let lower = agent.try_hear(Epoch(6), discard.clone());
    assert!(matches!(lower, Err(Refusal::LowerEpoch { .. })));
    agent.try_hear(Epoch(8), discard.clone()).unwrap();
    agent.registration();
    let early = agent.try_hear(EPOCH, discard);
    assert_eq!(early, Err(Refusal::NotRegistered));
}

#[test]
fn a_gateway_that_speaks_for_itself_may_ask_for_a_registration_and_for_nothing_else() {
    let mut agent = Agent::registered();
    let gateway = Epoch(0);
    agent.try_hear(gateway, ToAgent::Resync).unwrap();
    agent.registration();
    let report = agent.try_hear(gateway, ToAgent::ReportAll);
    assert!(matches!(report, Err(Refusal::LowerEpoch { .. })));
    let reason = "the gateway stops".to_owned();
    agent
        .try_hear(gateway, ToAgent::Disconnect { reason })
        .unwrap();
    assert_eq!(agent.core.session(), None);
}

#[test]
fn an_impatient_control_plane_hears_of_the_agent_in_time() {
    let mut agent = Agent::new();
    agent.connect();
    agent.hear(ToAgent::Registered {
        unreachable_after: Span::from_secs(4),
    });
    agent.take();
    for _ in 0..2 {
        agent.wait(Span::from_secs(1));
        let sent = agent.take();
        assert!(
            matches!(
                &sent[..],
                [Effect::Send {
                    message: FromAgent::Alive { .. },
                    ..
                }]
            ),
            "{sent:?}"
        );
    }
}
