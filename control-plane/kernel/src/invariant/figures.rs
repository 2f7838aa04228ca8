//! Figures.

use std::collections::BTreeMap;

use insula_types::TaskState;

use crate::Kernel;
use crate::figures::{AgentFigures, FrameworkFigures};
use crate::framework::{Link, Side};
use crate::invariant::{Violation, must};

/// INV-29: the figures are what a recount finds.
pub(super) fn the_figures_are_what_a_recount_finds(kernel: &Kernel) -> Result<(), Violation> {
    let figures = kernel.figures();
    let mut tasks: BTreeMap<TaskState, usize> = BTreeMap::new();
    for task in kernel.tasks.iter() {
        *tasks.entry(task.row.status.state).or_default() += 1;
    }
    let counted = figures.tasks.iter().filter(|(_, count)| **count > 0);
    must(counted.eq(&tasks), 29, || {
        format!("tasks are {tasks:?} and counted {:?}", figures.tasks)
    })?;
    let (agents, frameworks) = (agents(kernel), frameworks(kernel));
    must(figures.agents == agents, 29, || {
        format!("agents are {agents:?} and counted {:?}", figures.agents)
    })?;
    must(figures.frameworks == frameworks, 29, || {
        format!(
            "frameworks are {frameworks:?} and counted {:?}",
            figures.frameworks
        )
    })?;
    let waiting: usize = kernel.requests.values().map(|each| each.waiting()).sum();
    must(figures.requests_waiting == waiting, 29, || {
        format!(
            "{waiting} requests wait, and {} are counted",
            figures.requests_waiting
        )
    })
}

/// INV-30: an offer that was made is out, or it was accepted, declined or rescinded, once.
pub(super) fn every_offer_is_accounted_for(kernel: &Kernel) -> Result<(), Violation> {
    let figures = kernel.figures();
    let counters = &figures.counters;
    let rescinded: u64 = counters.offers_rescinded.values().sum();
    let over = counters.offers_accepted + counters.offers_declined + rescinded;
    must(
        counters.offers_made == figures.offers as u64 + over,
        30,
        || format!("{} offers are out: {counters:?}", figures.offers),
    )
}

fn agents(kernel: &Kernel) -> AgentFigures {
    let mut figures = AgentFigures::default();
    for agent in kernel.agents.iter() {
        let place = match (agent.is_unreachable(), agent.connected) {
            (true, _) => &mut figures.unreachable,
            (false, true) => &mut figures.connected,
            (false, false) => &mut figures.disconnected,
        };
        *place += 1;
    }
    figures
}

fn frameworks(kernel: &Kernel) -> FrameworkFigures {
    let mut figures = FrameworkFigures::default();
    for framework in kernel.frameworks.iter() {
        let place = match &framework.side {
            Side::BuiltIn => &mut figures.built_in,
            Side::Client(client) => match client.link {
                Link::Up(_) => &mut figures.subscribed,
                Link::Away { .. } => &mut figures.away,
                Link::Removed => &mut figures.removed,
            },
        };
        *place += 1;
    }
    figures
}
