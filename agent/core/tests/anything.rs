//! Whatever comes in whatever order: the invariants hold, the journal is the durable part, and no
//! launch starts twice.

#![allow(clippy::unwrap_used)]

mod harness;

use std::collections::BTreeMap;

use harness::{Agent, launch, launch_id};
use insula_agent_core::{Absence, Effect, Input, Refusal};
use insula_types::message::{CommandBody, FromAgent, ToAgent};
use insula_types::task::Exit;
use insula_types::{Epoch, LaunchId, Span, TaskState, UpdateUuid};
use proptest::prelude::*;

/// Small numbers, so that everything meets everything.
#[derive(Debug, Clone)]
enum Move {
    Connect,
    Disconnect,
    Registered(u64),
    Resync,
    ReportAll,
    Discard(u64),
    Command { ahead: u64, epoch: u64, body: Body },
    AcknowledgePending(u64),
    Started(u64),
    StartFailed(u64),
    Ended(u64, i32),
    Absent(u64),
    Wait(u64),
    KillAll,
    Restart,
}

#[derive(Debug, Clone)]
enum Body {
    Launch(u64),
    Kill(u64),
    AcknowledgeTerminal(u64),
    Noop,
}

fn any_move() -> impl Strategy<Value = Move> {
    let number = 1_u64..5;
    let body = prop_oneof![
        4 => number.clone().prop_map(Body::Launch),
        1 => number.clone().prop_map(Body::Kill),
        2 => number.clone().prop_map(Body::AcknowledgeTerminal),
        1 => Just(Body::Noop),
    ];
    prop_oneof![
        1 => Just(Move::Connect),
        1 => Just(Move::Disconnect),
        3 => (6_u64..9).prop_map(Move::Registered),
        1 => Just(Move::Resync),
        1 => Just(Move::ReportAll),
        1 => number.clone().prop_map(Move::Discard),
        10 => (0_u64..3, 6_u64..9, body)
            .prop_map(|(ahead, epoch, body)| Move::Command { ahead, epoch, body }),
        3 => number.clone().prop_map(Move::AcknowledgePending),
        4 => number.clone().prop_map(Move::Started),
        1 => number.clone().prop_map(Move::StartFailed),
        3 => (number.clone(), 0..3).prop_map(|(number, code)| Move::Ended(number, code)),
        1 => number.prop_map(Move::Absent),
        3 => (1_u64..100).prop_map(Move::Wait),
        1 => Just(Move::KillAll),
        1 => Just(Move::Restart),
    ]
}

/// What the world outside remembers, to judge the core by.
#[derive(Default)]
struct Witness {
    starts: BTreeMap<LaunchId, u32>,
    last_states: BTreeMap<UpdateUuid, TaskState>,
    pending: BTreeMap<LaunchId, UpdateUuid>,
}

impl Witness {
    fn see(&mut self, agent: &mut Agent) {
        for effect in agent.take() {
            match effect {
                Effect::Start(launch) => *self.starts.entry(launch.launch).or_default() += 1,
                Effect::Send {
                    message: FromAgent::Update { launch, status, .. },
                    session,
                } => {
                    assert_eq!(agent.core.session(), Some(&session));
                    let uuid = status.uuid.unwrap();
                    let earlier = self.last_states.insert(uuid, status.state);
                    assert!(earlier.is_none_or(|state| state == status.state));
                    self.pending.insert(launch, uuid);
                }
                _ => {}
            }
        }
        assert!(
            self.starts.values().all(|starts| *starts == 1),
            "{:?}",
            self.starts
        );
    }

    fn body(&self, body: &Body) -> CommandBody {
        let nobody = UpdateUuid::from_slice(&[0; 16]).unwrap();
        let uuid_of = |number: u64| {
            self.pending
                .get(&launch_id(number))
                .copied()
                .unwrap_or(nobody)
        };
        match body {
            Body::Launch(number) => launch(*number),
            Body::Kill(number) => CommandBody::Kill {
                launch: launch_id(*number),
                grace: None,
            },
            Body::AcknowledgeTerminal(number) => CommandBody::AcknowledgeTerminal {
                launch: launch_id(*number),
                uuid: uuid_of(*number),
            },
            Body::Noop => CommandBody::Noop,
        }
    }
}

/// A kernel never sends a launch id again once its terminal update was acknowledged.
fn is_sent_again(agent: &Agent, witness: &Witness, body: &Body) -> bool {
    matches!(body, Body::Launch(number)
        if witness.starts.contains_key(&launch_id(*number))
            && agent.core.task(launch_id(*number)).is_none())
}

fn play(agent: &mut Agent, witness: &Witness, step: Move) -> Result<(), Refusal> {
    let hear = |agent: &mut Agent, epoch: u64, message: ToAgent| {
        if agent.core.session().is_some() {
            agent.try_hear(Epoch(epoch), message)
        } else {
            Ok(())
        }
    };
    match step {
        Move::Connect => agent.connect(),
        Move::Disconnect => agent.step(Input::Disconnected),
        Move::Registered(epoch) => {
            let unreachable_after = harness::UNREACHABLE_AFTER;
            return hear(agent, epoch, ToAgent::Registered { unreachable_after });
        }
        Move::Resync => return hear(agent, 7, ToAgent::Resync),
        Move::ReportAll => return hear(agent, 7, ToAgent::ReportAll),
        Move::Discard(number) => {
            let epoch = agent.core.watermark().epoch.0;
            let launch = launch_id(number);
            return hear(agent, epoch, ToAgent::Discard { launch });
        }
        Move::Command { body, .. } if is_sent_again(agent, witness, &body) => {}
        Move::Command { ahead, epoch, body } => {
            let seq = agent.core.watermark().seq + ahead;
            let command = agent.numbered(seq, witness.body(&body));
            return hear(agent, epoch, command);
        }
        Move::AcknowledgePending(number) => {
            if let Some(uuid) = witness.pending.get(&launch_id(number)).copied() {
                let launch = launch_id(number);
                let epoch = agent.core.watermark().epoch.0;
                return hear(agent, epoch, ToAgent::Acknowledge { launch, uuid });
            }
        }
        Move::Started(number) => {
            return agent.try_step(Input::Started {
                launch: launch_id(number),
                at: None,
            });
        }
        Move::StartFailed(number) => {
            let sentence = "no".to_owned();
            return agent.try_step(Input::StartFailed {
                launch: launch_id(number),
                sentence,
            });
        }
        Move::Ended(number, code) => agent.end(number, Exit::Code(code)),
        Move::Absent(number) => {
            let absence = Absence::ExecutorEnded;
            return agent.try_step(Input::Absent {
                launch: launch_id(number),
                absence,
            });
        }
        Move::Wait(secs) => agent.wait(Span::from_secs(secs)),
        Move::KillAll => agent.step(Input::KillAll),
        Move::Restart => agent.restart(),
    }
    Ok(())
}

proptest! {
    #[test]
    fn nothing_breaks_the_core(moves in prop::collection::vec(any_move(), 0..150)) {
        let mut agent = Agent::new();
        agent.plan.max_completion = Some(Span::from_secs(30));
        let mut witness = Witness::default();
        for step in moves {
            // A refusal is an answer; the harness checks that it changed nothing durable.
            let _refused = play(&mut agent, &witness, step);
            witness.see(&mut agent);
        }
    }

    #[test]
    fn records_survive_their_encoding(moves in prop::collection::vec(any_move(), 0..60)) {
        let mut agent = Agent::registered();
        for step in moves {
            let _refused = play(&mut agent, &Witness::default(), step);
        }
        for record in agent.core.records() {
            let text = serde_json::to_string(&record).unwrap();
            prop_assert_eq!(serde_json::from_str::<insula_agent_core::Record>(&text).unwrap(), record);
        }
    }
}
