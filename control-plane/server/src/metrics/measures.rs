//! What is counted where it happens.

use insula_telemetry::metrics::labels::{
    AgentMessage, Answered, Call, CommitOutcome, Direction, Failure, FrameworkEvent, InputKind,
    LinkMessage, Outcome, PeerKind, Runs, Side,
};
use insula_telemetry::metrics::{Counter, Histogram, Identity, Metrics, table};

use super::left::Left;

/// Typed handles to everything that this process counts and measures. They are cheap to use: none of
/// them looks anything up.
#[derive(Debug)]
pub struct Measures {
    /// See [`table::REQUESTS_FORWARDED`].
    pub forwarded: Counter<Answered>,
    /// See [`table::FRAMEWORK_CALLS`].
    pub calls: Counter<(Call, Outcome)>,
    /// See [`table::FRAMEWORK_EVENTS`].
    pub events: Counter<FrameworkEvent>,
    /// See [`table::FIRST_OFFER`].
    pub first_offer: Histogram<()>,
    /// See [`table::AGENT_MESSAGES`].
    pub agent_messages: Counter<(Direction, AgentMessage)>,
    /// See [`table::SESSIONS_CUT`].
    pub sessions_cut: Counter<PeerKind>,
    /// See [`table::LINK_MESSAGES`].
    pub link_messages: Counter<(Direction, LinkMessage)>,
    /// See [`table::LINK_ENDS`].
    pub link_ends: Counter<Side>,
    /// See [`table::INPUTS`].
    pub inputs: Counter<InputKind>,
    /// See [`table::BUSY`].
    pub busy: Counter<()>,
    /// See [`table::ALLOCATION_DURATION`].
    pub allocation: Histogram<()>,
    /// See [`table::START_DURATION`].
    pub start: Histogram<Runs>,
    /// See [`table::COMMIT_DURATION`].
    pub commit: Histogram<CommitOutcome>,
    /// See [`table::COMMIT_RECORDS`].
    pub commit_records: Histogram<()>,
    /// See [`table::BEAT_DURATION`].
    pub beat: Histogram<Answered>,
    /// See [`table::PARTITION_TAKES`].
    pub takes: Counter<()>,
    /// See [`table::PARTITION_FAILURES`].
    pub failures: Counter<Failure>,
    /// See [`table::CELL_FAILURES`].
    pub cell_failures: Counter<()>,
    /// What kernels had counted that are gone.
    pub left: Left,
}

impl Measures {
    /// Adds them to the metrics of a process; once.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            forwarded: metrics.counter(&table::REQUESTS_FORWARDED),
            calls: metrics.counter(&table::FRAMEWORK_CALLS),
            events: metrics.counter(&table::FRAMEWORK_EVENTS),
            first_offer: metrics.histogram(&table::FIRST_OFFER),
            agent_messages: metrics.counter(&table::AGENT_MESSAGES),
            sessions_cut: metrics.counter(&table::SESSIONS_CUT),
            link_messages: metrics.counter(&table::LINK_MESSAGES),
            link_ends: metrics.counter(&table::LINK_ENDS),
            inputs: metrics.counter(&table::INPUTS),
            busy: metrics.counter(&table::BUSY),
            allocation: metrics.histogram(&table::ALLOCATION_DURATION),
            start: metrics.histogram(&table::START_DURATION),
            commit: metrics.histogram(&table::COMMIT_DURATION),
            commit_records: metrics.histogram(&table::COMMIT_RECORDS),
            beat: metrics.histogram(&table::BEAT_DURATION),
            takes: metrics.counter(&table::PARTITION_TAKES),
            failures: metrics.counter(&table::PARTITION_FAILURES),
            cell_failures: metrics.counter(&table::CELL_FAILURES),
            left: Left::default(),
        }
    }
}

impl Default for Measures {
    /// Handles that nobody reads, for parts that are used by themselves.
    fn default() -> Self {
        Self::new(&Metrics::new(Identity {
            service: "",
            version: "",
            instance: String::new(),
        }))
    }
}
