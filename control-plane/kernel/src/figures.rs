//! Figures for metrics: how many of everything there are, and how often things happened.
//!
//! All are kept as things happen, so that to read them costs nothing that grows with the cell; an
//! invariant compares them with a recount.

use std::collections::BTreeMap;

use insula_types::TaskState;
use insula_types::event::Rescinded;

use crate::Kernel;

/// What there is at the moment, and what has happened since the kernel was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Tasks that are not history, by state: those that have ended wait for an acknowledgement. States
    /// that no task is in are left out or 0.
    pub tasks: BTreeMap<TaskState, usize>,
    /// All known agents.
    pub agents: AgentFigures,
    /// All known frameworks.
    pub frameworks: FrameworkFigures,
    /// Requests of all tenants that wait to be started.
    pub requests_waiting: usize,
    /// Offers that are out.
    pub offers: usize,
    /// What has happened.
    pub counters: Counters,
}

/// Agents by how they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgentFigures {
    /// They have a session, even if nothing of them is offered.
    pub connected: usize,
    /// They have no session, and were not silent for too long.
    pub disconnected: usize,
    /// They were silent for too long.
    pub unreachable: usize,
}

/// Frameworks by how they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameworkFigures {
    /// They have a session.
    pub subscribed: usize,
    /// They may come back until their deadline.
    pub away: usize,
    /// Their ids are never accepted again.
    pub removed: usize,
    /// Those of tenants that have, or had since the load, a request or a task.
    pub built_in: usize,
}

/// How often things happened since the kernel was loaded; they never go down.
///
/// An offer that was made is still out, or it was accepted, declined or rescinded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Offers made to frameworks.
    pub offers_made: u64,
    /// Offers that an accept named, whatever came of it.
    pub offers_accepted: u64,
    /// Offers given back.
    pub offers_declined: u64,
    /// Offers taken back, by reason.
    pub offers_rescinded: BTreeMap<Rescinded, u64>,
    /// Calls that accept offers.
    pub accepts: u64,
    /// Those of them that named an offer which was not valid, so that nothing was started.
    pub accepts_refused: u64,
    /// Tasks that were started on an agent, by whomever.
    pub launches: u64,
    /// Tasks that ended, by their last state.
    pub tasks_ended: BTreeMap<TaskState, u64>,
    /// Requests that were submitted.
    pub requests_submitted: u64,
    /// Requests that are started again.
    pub requests_retried: u64,
    /// Steps that ran an allocation.
    pub allocations: u64,
    /// Candidates that allocations looked at: one framework looking for one agent.
    pub candidates: u64,
}

impl Kernel {
    /// Steps that ran an allocation; the same as in [`Counters`], without the rest.
    #[must_use]
    pub fn allocations(&self) -> u64 {
        self.counters.allocations
    }

    /// All figures.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures {
            tasks: self.tasks.by_state().clone(),
            agents: self.agents.figures(),
            frameworks: self.frameworks.figures(),
            requests_waiting: self.requests_waiting,
            offers: self.offers.len(),
            counters: Counters {
                candidates: self.allocator.candidates(),
                ..self.counters.clone()
            },
        }
    }
}
