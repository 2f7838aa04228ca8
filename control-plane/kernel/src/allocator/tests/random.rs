//! Random histories: the sums are right and no limit is exceeded after every call.

use proptest::prelude::*;

use super::{Cell, PLENTY, audit, parse};
use crate::allocator::{AgentKey, Allocation, FrameworkIdx};
use insula_types::resources::Millis;
use insula_types::{Resources, Span, TenantId};

const AGENTS: u32 = 4;
const FRAMEWORKS: u32 = 5;
const PATHS: [&str; 6] = ["t0", "t0/.", "t0/a", "t0/a/b", "t1", "t1/a"];
const ROLES: [&str; 3] = ["*", "a", "a/b"];
const TOTALS: [&str; 4] = [
    "cpus:4;mem:4096;ports:[1-40]",
    "cpus:0.5;mem:100",
    "cpus:16;mem:2048;licences:3;zone:{a,b}",
    "cpus:8;mem:8192;gpus:2",
];

#[derive(Debug, Clone)]
enum Act {
    AddAgent(u32, usize),
    UpdateAgent(u32, usize),
    RemoveAgent(u32),
    SetAgentActive(u32, bool),
    AddFramework(u32, bool, Vec<usize>),
    UpdateFramework(u32, bool, Vec<usize>),
    RemoveFramework(u32),
    SetFrameworkActive(u32, bool),
    Suppress(u32, Option<usize>),
    Revive(u32, Option<usize>),
    SetRole(usize, Millis, Option<Millis>, Option<Millis>),
    Charge(u32, usize, u32, Millis),
    /// Of the allocation with this number (modulo how many there are), this part in percent.
    Return(usize, u64),
    Decline(usize, u64, u64),
    Wait(u64),
    Allocate(usize),
}

fn any_act() -> impl Strategy<Value = Act> {
    let agent = 0..AGENTS;
    let framework = 0..FRAMEWORKS;
    let total = 0..TOTALS.len();
    let role = 0..ROLES.len();
    let roles = prop::collection::vec(role.clone(), 1..3);
    let maybe_role = prop::option::of(role.clone());
    prop_oneof![
        2 => (agent.clone(), total.clone()).prop_map(|(a, t)| Act::AddAgent(a, t)),
        1 => (agent.clone(), total).prop_map(|(a, t)| Act::UpdateAgent(a, t)),
        1 => agent.clone().prop_map(Act::RemoveAgent),
        1 => (agent.clone(), any::<bool>()).prop_map(|(a, on)| Act::SetAgentActive(a, on)),
        3 => (framework.clone(), any::<bool>(), roles.clone())
            .prop_map(|(f, gpus, roles)| Act::AddFramework(f, gpus, roles)),
        1 => (framework.clone(), any::<bool>(), roles)
            .prop_map(|(f, gpus, roles)| Act::UpdateFramework(f, gpus, roles)),
        1 => framework.clone().prop_map(Act::RemoveFramework),
        1 => (framework.clone(), any::<bool>()).prop_map(|(f, on)| Act::SetFrameworkActive(f, on)),
        1 => (framework.clone(), maybe_role.clone()).prop_map(|(f, r)| Act::Suppress(f, r)),
        2 => (framework.clone(), maybe_role).prop_map(|(f, r)| Act::Revive(f, r)),
        2 => (
            0..PATHS.len(),
            0..9_000_u64,
            prop::option::of(0..20_000_u64),
            prop::option::of(0..20_000_000_u64)
        )
            .prop_map(|(path, weight, cpus, mem)| Act::SetRole(path, weight, cpus, mem)),
        2 => (framework, role, agent, 0..9_000_u64)
            .prop_map(|(f, r, a, amount)| Act::Charge(f, r, a, amount)),
        4 => (any::<usize>(), 0..120_u64).prop_map(|(place, part)| Act::Return(place, part)),
        6 => (any::<usize>(), 0..120_u64, 0..9_u64)
            .prop_map(|(place, part, secs)| Act::Decline(place, part, secs)),
        2 => (0..5_u64).prop_map(Act::Wait),
        6 => (0..40_usize).prop_map(Act::Allocate),
    ]
}

fn roles(places: &[usize]) -> Vec<String> {
    places
        .iter()
        .map(|place| ROLES[*place].to_owned())
        .collect()
}

fn tenant(framework: u32) -> TenantId {
    TenantId::from(format!("t{}", framework % 2))
}

struct History {
    cell: Cell,
    offers: Vec<Allocation>,
}

impl History {
    fn act(&mut self, act: &Act) {
        let allocator = &mut self.cell.allocator;
        match act {
            Act::AddAgent(agent, total) => {
                allocator.add_agent(AgentKey(*agent), parse(TOTALS[*total]))
            }
            Act::UpdateAgent(agent, total) => {
                allocator.update_agent(AgentKey(*agent), parse(TOTALS[*total]));
            }
            Act::RemoveAgent(agent) => allocator.remove_agent(AgentKey(*agent)),
            Act::SetAgentActive(agent, on) => allocator.set_agent_active(AgentKey(*agent), *on),
            Act::AddFramework(number, gpus, places) => allocator.add_framework(
                FrameworkIdx(*number),
                &tenant(*number),
                *gpus,
                &roles(places),
            ),
            Act::UpdateFramework(number, gpus, places) => {
                allocator.update_framework(FrameworkIdx(*number), *gpus, &roles(places));
            }
            Act::RemoveFramework(number) => allocator.remove_framework(FrameworkIdx(*number)),
            Act::SetFrameworkActive(number, on) => {
                allocator.set_framework_active(FrameworkIdx(*number), *on);
            }
            Act::Suppress(number, role) => {
                allocator.suppress(FrameworkIdx(*number), role.map(|role| ROLES[role]));
            }
            Act::Revive(number, role) => {
                allocator.revive(FrameworkIdx(*number), role.map(|role| ROLES[role]));
            }
            Act::SetRole(path, weight, cpus, mem) => {
                let limits = [("cpus", cpus), ("mem", mem)];
                let limits = limits
                    .into_iter()
                    .filter_map(|(name, limit)| Some((name.to_owned(), (*limit)?)));
                allocator.set_role(PATHS[*path], *weight, limits.collect());
            }
            Act::Charge(number, role, agent, amount) => allocator.charge(
                FrameworkIdx(*number),
                ROLES[*role],
                AgentKey(*agent),
                &Resources::of(*amount, *amount * 100),
            ),
            Act::Return(place, percent) => {
                if let Some((offer, part)) = self.part_of(*place, *percent) {
                    self.cell.give_back(&offer, &part);
                }
            }
            Act::Decline(place, percent, secs) => {
                if let Some((offer, part)) = self.part_of(*place, *percent) {
                    self.cell.decline_part(&offer, &part, *secs);
                }
            }
            Act::Wait(secs) => self.cell.now = self.cell.now + Span::from_secs(*secs),
            Act::Allocate(budget) => self.allocate(*budget),
        }
    }

    fn part_of(&self, place: usize, percent: u64) -> Option<(Allocation, Resources)> {
        let offer = self
            .offers
            .get(place.checked_rem(self.offers.len())?)?
            .clone();
        if percent >= 100 {
            return Some((offer.clone(), offer.resources));
        }
        let [cpus, mem, ..] = offer
            .resources
            .scalars()
            .map(|amount| amount * percent / 100);
        Some((offer, Resources::of(cpus, mem)))
    }

    /// A limit may have been lowered below what is charged, or charges may exceed it; what an
    /// allocation adds must never.
    fn allocate(&mut self, budget: usize) {
        let before = self.cell.allocator.shares();
        let mut out = Vec::new();
        self.cell
            .allocator
            .allocate(self.cell.now, budget, &mut out);
        for (before, after) in before.iter().zip(self.cell.allocator.shares()) {
            assert_eq!(before.path, after.path);
            for (name, limit) in &after.limit {
                let allowed = before.allocated.scalar(name).max(*limit);
                assert!(
                    after.allocated.scalar(name) <= allowed,
                    "{} exceeds {name}",
                    after.path
                );
            }
        }
        self.offers.extend(out);
    }

    /// Once a cycle is over, nobody who wants something could still be given anything.
    fn settle(&mut self) {
        let mut out = Vec::new();
        self.cell
            .allocator
            .allocate(self.cell.now, PLENTY, &mut out);
        assert!(!self.cell.allocator.is_dirty());
        audit::audit(&self.cell.allocator);
        audit::nobody_waits_for_what_is_free(&self.cell.allocator);
        self.offers.extend(out);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn sums_are_right_and_limits_hold_whatever_happens(
        acts in prop::collection::vec(any_act(), 1..120)
    ) {
        let mut history = History { cell: Cell::with_agents(&[]), offers: Vec::new() };
        for act in &acts {
            history.act(act);
            audit::audit(&history.cell.allocator);
        }
        history.settle();
    }
}
