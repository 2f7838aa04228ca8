//! Shares out the free resources of a cell: weighted, hierarchical dominant resource fairness with
//! quota limits, filters and fair slices.
//!
//! The allocator is the one owner of what is free. The kernel tells it about agents, frameworks, role
//! settings, charges and releases; [`Allocator::allocate`] answers with [`Allocation`]s that are
//! charged already, and a returned offer or an ended task is a [`Allocator::release`].
//!
//! **Order.** Whoever has the smallest weighted dominant share comes next, decided level by level in
//! the role tree (tenants first); equals are ordered by how often they were served, then by path.
//! What is offered counts as what is used. Whoever comes next gets *one* agent, or a slice of one, and
//! the order is looked at again: this is progressive filling as the DRF paper has it, and costs a walk
//! down the tree and one heap move per level instead of a sorting of frameworks per agent.
//!
//! **Slices.** While several frameworks ask, nobody is given more of an agent at once than what
//! brings it to its fair part of the cell; an agent is cut in whole steps of a core or more. So ten
//! frameworks share one machine at once instead of waiting for each other's offers, and in a cell
//! with more machines than frameworks offers are whole machines. A slice takes its part of *all* that
//! the agent has, ports and sets included: the first slice would otherwise take all ports along and
//! leave slices that no service can use.
//!
//! **Filters.** A decline is an answer: until its filter ends, a framework does not compete for what
//! it refused, however small its share, so those that want nothing cannot starve those that do. When it
//! is its turn again before that, it is offered twice as much until the filter does not cover it: a
//! slice may just have been too small for its tasks.
//!
//! **Work.** A framework that finds no agent is put aside until something happens that concerns it:
//! an agent that it has not refused gets more room, a filter ends, a limit relaxes. A cycle therefore
//! costs what has changed, not agents times frameworks; and it may stop after any number of checks
//! and go on later.
//!
//! Everything is exact and deterministic: the same calls give the same answers. Shares are compared as
//! ratios, never as rounded numbers.
//!
//! Sources: Ghodsi et al., "Dominant Resource Fairness", NSDI 2011; the documented behaviour of Apache
//! Mesos' hierarchical allocator, from which slices, the answer to a decline and the treatment of an
//! exhausted limit differ on purpose.

mod agent;
mod agent_set;
mod charge;
mod cycle;
mod explain;
mod filter;
mod framework;
mod limit;
mod quantities;
mod share;
mod slab;
mod slice;
mod tree;
mod view;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use insula_types::resources::Millis;
use insula_types::{Resources, Time};

pub use view::RoleShare;

use agent::Agent;
use agent_set::AgentSet;
use framework::{Client, Framework};
use slab::Slab;
use tree::Tree;

/// The smallest amounts worth offering, by the place of the scalar: a hundredth of a core *or*
/// 32 MiB, as in Mesos.
const MIN_ALLOCATABLE: [Millis; 2] = [10, 32_000];

/// An agent by its place in the kernel's own slab: dense from 0, may be reused after a removal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentKey(pub u32);

/// A framework by its place in the kernel's own slab: dense from 0, may be reused after a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameworkIdx(pub u32);

/// A framework in one of its roles: what competes, declines and is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ClientIdx(u32);

/// Resources of one agent for one framework in one role; already charged when they are handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// Whose resources.
    pub agent: AgentKey,
    /// For whom.
    pub framework: FrameworkIdx,
    /// In which of its roles, as the framework names it: `*` is the tenant itself.
    pub role: Arc<str>,
    /// What it gets.
    pub resources: Resources,
}

/// Whether an allocation has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nobody who wants something can get anything more.
    Done,
    /// The budget ran out before that; call again.
    More,
}

/// The shares, charges and filters of one cell; see the module's documentation.
///
/// Agents and frameworks are named by the kernel's own indices. A call about one that is not there (it
/// was removed, and with it all that it held) changes nothing.
#[derive(Debug, Default)]
pub struct Allocator {
    agents: Vec<Option<Agent>>,
    frameworks: Vec<Option<Framework>>,
    clients: Slab<Client>,
    tree: Tree,
    /// Agents that are active and have something worth offering free.
    available: AgentSet,
    /// Agents with devices.
    with_gpus: AgentSet,
    /// Agents that have more room than before, whose filters may cover less than all of it now.
    grown: AgentSet,
    /// Agents that have more room than before, for which waiting frameworks must be asked.
    fresh: AgentSet,
    /// When each filter ends.
    timers: BTreeSet<(Time, AgentKey, ClientIdx)>,
    /// Frameworks put aside because a limit made an allocation so small that a filter covered it.
    cut: BTreeSet<ClientIdx>,
    /// Where the search for an agent starts: the one after the last that was served.
    cursor: AgentKey,
    /// Counts cycles and calls, so that what was noted in an earlier one is not mistaken for news.
    cycle: u64,
    call: u64,
    /// Candidate checks so far.
    candidates: u64,
}

impl Allocator {
    /// An empty cell.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn agent(&self, agent: AgentKey) -> Option<&Agent> {
        self.agents.get(agent.0 as usize)?.as_ref()
    }

    fn agent_mut(&mut self, agent: AgentKey) -> Option<&mut Agent> {
        self.agents.get_mut(agent.0 as usize)?.as_mut()
    }

    fn framework(&self, framework: FrameworkIdx) -> Option<&Framework> {
        self.frameworks.get(framework.0 as usize)?.as_ref()
    }

    fn framework_mut(&mut self, framework: FrameworkIdx) -> Option<&mut Framework> {
        self.frameworks.get_mut(framework.0 as usize)?.as_mut()
    }
}

/// Puts a value at a dense index of the kernel's, growing the vector as needed.
fn put<T>(slots: &mut Vec<Option<T>>, index: u32, value: T) {
    let index = index as usize;
    if index >= slots.len() {
        slots.resize_with(index + 1, || None);
    }
    slots[index] = Some(value);
}
