//! A walk at random: frameworks, agents and the owner do anything at any time, and every invariant is
//! checked after every step. Then all faults stop, and everything must come to its end.
//!
//! The whole-system simulator does the same with a real pipeline, real agents and a lossy network; this
//! walk is small and fast enough to run with every test of the kernel.

mod heal;
mod moves;

use std::collections::BTreeSet;

use insula_kernel::Config;
use insula_types::TaskStatus;
use insula_types::event::EventKind;
use insula_types::message::{Offer, ToFramework};

use crate::harness::{Cell, Client};

const AGENTS: [&str; 3] = ["a1", "a2", "a3"];
const FRAMEWORKS: [&str; 3] = ["f1", "f2", "f3"];
const STEPS: u64 = 600;

/// Xorshift: enough to choose among a dozen things.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(all.len()).unwrap();
        if count == 0 {
            return None;
        }
        all.get(usize::try_from(self.roll(count)).unwrap())
    }
}

struct Walk {
    cell: Cell,
    dice: Dice,
    clients: Vec<Client>,
    /// Those that have not heard yet that they are subscribed.
    waiting: Vec<Client>,
    offers: Vec<(Client, Offer)>,
    updates: Vec<(Client, TaskStatus)>,
    names: u64,
    generation: u64,
}

impl Walk {
    fn new(seed: u64) -> Self {
        let mut cell = Cell::with(Config {
            slice: 3,
            sessions_per_minute: usize::MAX,
            ..Config::default()
        });
        for agent in AGENTS {
            cell.agent(agent, "cpus:4;mem:1024;ports:[1-8]");
        }
        Self {
            cell,
            dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            clients: Vec::new(),
            waiting: Vec::new(),
            offers: Vec::new(),
            updates: Vec::new(),
            names: 0,
            generation: 0,
        }
    }

    fn listen(&mut self) {
        let waiting = self.waiting.iter().chain(&self.clients);
        for client in waiting.cloned().collect::<Vec<_>>() {
            for message in self.cell.heard(&client) {
                match message {
                    ToFramework::Offers(offers) => {
                        self.offers
                            .extend(offers.into_iter().map(|offer| (client.clone(), offer)));
                    }
                    ToFramework::Update(status) => self.updates.push((client.clone(), *status)),
                    ToFramework::Subscribed { .. } => {
                        self.waiting.retain(|each| each.session != client.session);
                        self.clients.push(client.clone());
                    }
                    ToFramework::Error(_) | ToFramework::Close => {
                        self.waiting.retain(|each| each.session != client.session);
                        self.clients.retain(|each| each.session != client.session);
                    }
                    _ => {}
                }
            }
        }
    }

    fn step(&mut self) {
        match self.dice.roll(21) {
            0 => self.subscribe(),
            1 => self.part(),
            2 | 3 => self.accept(),
            4 => self.decline(),
            5 | 6 => self.acknowledge(),
            7 => self.kill(),
            8 => self.reconcile(),
            9 => self.submit(),
            10 => self.withdraw(),
            11 => self.break_agent(),
            12 | 13 => self.obey(),
            14..=16 => self.report(),
            17 => self.look_at_stream(),
            18 => self.resend(),
            19 => self.pass(),
            _ => self.rarely(),
        }
        self.cell.settle();
        self.listen();
    }
}

/// Walks, and tells what was met on the way.
fn walk(seed: u64) -> BTreeSet<String> {
    let mut walk = Walk::new(seed);
    for _ in 0..STEPS {
        walk.step();
    }
    walk.heal();
    for agent in AGENTS {
        let held = &walk.cell.machine(agent).held;
        assert!(held.is_empty(), "seed {seed}: {agent} holds {held:?}");
    }
    let mut agents = walk.cell.kernel.agents_view();
    assert!(agents.all(|view| view.used.is_empty()), "seed {seed}");
    let met = walk.cell.events.iter().filter_map(|event| match event {
        EventKind::TaskUpdated { state, .. } => Some(state.to_string()),
        EventKind::RequestRetried { .. } => Some("retried".to_owned()),
        EventKind::FrameworkRemoved { .. } => Some("removed".to_owned()),
        EventKind::AgentUnreachable { .. } => Some("unreachable".to_owned()),
        _ => None,
    });
    met.collect()
}

/// How many seeds a run of the tests walks; more with `INSULA_WALK_SEEDS`.
const SEEDS: u64 = 12;

fn seeds() -> u64 {
    let given = std::env::var("INSULA_WALK_SEEDS").ok();
    given.map_or(SEEDS, |text| {
        text.parse().expect("INSULA_WALK_SEEDS is a number")
    })
}

#[test]
fn whatever_happens_the_invariants_hold_and_everything_ends() {
    let mut met = BTreeSet::new();
    for seed in 1..=seeds() {
        match std::panic::catch_unwind(|| walk(seed)) {
            Ok(states) => met.extend(states),
            Err(panic) => {
                eprintln!("the walk of seed {seed} failed");
                std::panic::resume_unwind(panic);
            }
        }
    }
    let all = "TASK_STAGING TASK_RUNNING TASK_FINISHED TASK_FAILED TASK_KILLED TASK_LOST TASK_GONE \
               TASK_DROPPED TASK_UNREACHABLE retried removed unreachable";
    for thing in all.split_whitespace() {
        assert!(met.contains(thing), "no walk met {thing}");
    }
}
