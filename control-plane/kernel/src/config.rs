//! Durations and bounds of one cell; tests use short ones.

use insula_types::Span;

/// See each field; [`Config::default`] is what production uses.
#[derive(Debug, Clone)]
pub struct Config {
    /// How long inputs are collected before an allocation runs, so that a burst costs one cycle.
    pub allocation_batch: Span,
    /// How long an offer lives while nobody else waits for its resources.
    pub offer_lease: Span,
    /// How long an offer lives while others wait.
    pub offer_lease_contended: Span,
    /// How long an agent may be silent before its tasks are unreachable (Mesos: 5 × 15 s).
    pub unreachable_after: Span,
    /// How long after an outage of ours a framework has at least to come back (rule R18).
    pub outage_grace: Span,
    /// Most agents that are made unreachable within a second (rule R24): each moves tasks elsewhere,
    /// and a wrong judgement should be noticed before it has moved them all.
    pub unreachable_per_second: usize,
    /// Most sessions that an agent may open within a minute before it is taken for two machines.
    pub sessions_per_minute: usize,
    /// How long tasks that no row knows are held for somebody to decide about them (rule R5), counted
    /// by one owner.
    pub held_retention: Span,
    /// Most requests that may wait in a cell.
    pub requests_max: usize,
    /// Most live tasks in a cell.
    pub tasks_max: usize,
    /// Most updates or messages that one step of a long answer emits (rule R12).
    pub slice: usize,
    /// How many statuses of long answers a framework's session is sent, and how many commands an
    /// agent's, before it must be heard of that they have arrived; a slice more may be on the way.
    pub window: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allocation_batch: Span::from_millis(2),
            offer_lease: Span::from_secs(60),
            offer_lease_contended: Span::from_secs(5),
            unreachable_after: Span::from_secs(75),
            outage_grace: Span::from_secs(60),
            unreachable_per_second: 20,
            sessions_per_minute: 10,
            held_retention: Span::from_secs(7 * 24 * 3600),
            requests_max: 100_000,
            tasks_max: 1_000_000,
            slice: 1_000,
            window: 1_000,
        }
    }
}
