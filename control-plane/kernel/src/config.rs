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
    /// The least time a framework has to come back after a restart or takeover (rule R18).
    pub failover_floor: Span,
    /// Most requests that may wait in a cell.
    pub requests_max: usize,
    /// Most live tasks in a cell.
    pub tasks_max: usize,
    /// Most updates or messages that one step of a long answer emits (rule R12).
    pub slice: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allocation_batch: Span::from_millis(2),
            offer_lease: Span::from_secs(60),
            offer_lease_contended: Span::from_secs(5),
            unreachable_after: Span::from_secs(75),
            failover_floor: Span::from_secs(60),
            requests_max: 100_000,
            tasks_max: 1_000_000,
            slice: 1_000,
        }
    }
}
