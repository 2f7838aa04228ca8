//! Who has what.

use insula_types::Resources;

use crate::Kernel;
use crate::agent::Agent;
use crate::invariant::{Violation, must};

/// INV-2: what an agent has is free, offered or used, and nothing is two of these. An agent that came
/// back smaller than its tasks has nothing free and shows the excess.
pub(super) fn free_offered_and_used_make_the_whole(kernel: &Kernel) -> Result<(), Violation> {
    kernel
        .agents
        .iter()
        .try_for_each(|agent| adds_up(kernel, agent))
}

fn adds_up(kernel: &Kernel, agent: &Agent) -> Result<(), Violation> {
    let id = &agent.row.agent;
    let held = held(kernel, agent);
    if !agent.listed {
        return must(held.is_empty(), 2, || {
            format!("agent {id} is not part of the cell, and {held} of it are held")
        });
    }
    let nothing = Resources::new();
    let charged = kernel.allocator.charged(agent.key).unwrap_or(&nothing);
    must(*charged == held, 2, || {
        format!("agent {id} is charged {charged}, and its offers and tasks hold {held}")
    })?;
    let total = &agent.row.info.resources;
    let mut expected = total.clone();
    expected.subtract(charged);
    let free = kernel.allocator.free(agent.key).unwrap_or(&nothing);
    must(*free == expected, 2, || {
        format!("agent {id} has {free} free, and {total} without {charged} is {expected}")
    })?;
    let mut over = charged.clone();
    over.subtract(total);
    let excess = kernel.allocator.excess(agent.key);
    must(excess == over, 2, || {
        format!("agent {id} shows an excess of {excess}, and {charged} over {total} is {over}")
    })
}

fn held(kernel: &Kernel, agent: &Agent) -> Resources {
    let offers = agent
        .offers
        .iter()
        .filter_map(|tag| kernel.offers.get(*tag));
    let mut held = Resources::sum(offers.map(|offer| &offer.resources));
    for launch in kernel.holding(agent.key) {
        if let Some(task) = kernel.tasks.get(launch) {
            held.add(&task.row.resources);
        }
    }
    held
}
