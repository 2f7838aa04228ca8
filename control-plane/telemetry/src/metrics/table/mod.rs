//! The table of all metrics. `control-plane/docs/metrics.md` shows it; a test keeps the two equal.

mod agent;
mod cells;
mod links;
mod partitions;
mod process;
mod requests;
mod scheduler;

pub use agent::{
    AGENT_CONNECTED, AGENT_EXECUTORS, AGENT_JOURNAL_DURATION, AGENT_JOURNAL_RECORDS,
    AGENT_LAUNCH_DURATION, AGENT_QUEUE_DEPTH, AGENT_QUEUE_LIMIT, AGENT_SESSIONS, AGENT_TASKS,
    AGENT_UPDATES_PENDING,
};
pub use cells::{
    AGENTS, CPUS, DISK, FIGURES_AGE, FRAMEWORKS, GPUS, MEMORY, OFFERS_OUTSTANDING,
    REQUESTS_WAITING, TASKS, TENANT_CPUS, TENANT_MEMORY, TENANT_TASKS, TENANT_WAITING,
};
pub use links::{
    BROKER_BYTES, BROKER_RECONNECTS, BROKER_ROUND_TRIP_TIME, BROKER_ROUND_TRIPS, BROKER_STALLED,
    BROKER_UP, LINK_ENDS, LINK_MESSAGES, LINKS_OPEN, QUEUE_DEPTH, QUEUE_LIMIT,
};
pub use partitions::{
    BEAT_DURATION, CELL_FAILURES, CELLS, COMMIT_DURATION, COMMIT_RECORDS, EPOCH, LEASE_AGE,
    PARTITION_FAILURES, PARTITION_TAKES, PARTITIONS_FULL, PARTITIONS_ORPHANED, PARTITIONS_OWNED,
    READY, REPLICAS, STORE_FAILURES,
};
pub use process::{
    BUILD, PROCESS_CPU, PROCESS_FDS, PROCESS_MAX_FDS, PROCESS_MEMORY, PROCESS_START,
    PROCESS_THREADS, SPAN_BUFFER, SPANS,
};
pub use requests::{
    AGENT_MESSAGES, FIRST_OFFER, FRAMEWORK_CALLS, FRAMEWORK_EVENTS, REQUEST_DURATION,
    REQUESTS_FORWARDED, REQUESTS_OPEN, SESSIONS_CUT, SESSIONS_OPEN,
};
pub use scheduler::{
    ALLOCATION_CANDIDATES, ALLOCATION_DURATION, BUSY, INPUTS, OFFERS, REQUESTS_RETRIED,
    REQUESTS_SUBMITTED, START_DURATION, TASKS_ENDED, TASKS_LAUNCHED,
};

use super::definition::Definition;

/// Metrics that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// What they are about.
    pub title: &'static str,
    /// Which they are.
    pub metrics: &'static [Definition],
}

/// All metrics, in the order of the documentation.
pub const SECTIONS: &[Section] = &[
    Section {
        title: "Requests and sessions",
        metrics: &[
            REQUEST_DURATION,
            REQUESTS_OPEN,
            REQUESTS_FORWARDED,
            FRAMEWORK_CALLS,
            FRAMEWORK_EVENTS,
            FIRST_OFFER,
            AGENT_MESSAGES,
            SESSIONS_OPEN,
            SESSIONS_CUT,
        ],
    },
    Section {
        title: "Scheduling",
        metrics: &[
            INPUTS,
            BUSY,
            ALLOCATION_DURATION,
            ALLOCATION_CANDIDATES,
            OFFERS,
            REQUESTS_SUBMITTED,
            REQUESTS_RETRIED,
            TASKS_LAUNCHED,
            START_DURATION,
            TASKS_ENDED,
        ],
    },
    Section {
        title: "Cells and tenants",
        metrics: &[
            AGENTS,
            FRAMEWORKS,
            TASKS,
            REQUESTS_WAITING,
            OFFERS_OUTSTANDING,
            CPUS,
            MEMORY,
            DISK,
            GPUS,
            TENANT_TASKS,
            TENANT_CPUS,
            TENANT_MEMORY,
            TENANT_WAITING,
            FIGURES_AGE,
        ],
    },
    Section {
        title: "Partitions and the database",
        metrics: &[
            COMMIT_DURATION,
            COMMIT_RECORDS,
            LEASE_AGE,
            BEAT_DURATION,
            EPOCH,
            PARTITIONS_OWNED,
            PARTITIONS_ORPHANED,
            PARTITIONS_FULL,
            PARTITION_TAKES,
            PARTITION_FAILURES,
            CELLS,
            CELL_FAILURES,
            REPLICAS,
            READY,
            STORE_FAILURES,
        ],
    },
    Section {
        title: "Queues, links and the broker",
        metrics: &[
            QUEUE_DEPTH,
            QUEUE_LIMIT,
            LINK_MESSAGES,
            LINKS_OPEN,
            LINK_ENDS,
            BROKER_UP,
            BROKER_RECONNECTS,
            BROKER_ROUND_TRIPS,
            BROKER_ROUND_TRIP_TIME,
            BROKER_BYTES,
            BROKER_STALLED,
        ],
    },
    Section {
        title: "Agents",
        metrics: &[
            AGENT_TASKS,
            AGENT_UPDATES_PENDING,
            AGENT_CONNECTED,
            AGENT_SESSIONS,
            AGENT_JOURNAL_DURATION,
            AGENT_JOURNAL_RECORDS,
            AGENT_LAUNCH_DURATION,
            AGENT_EXECUTORS,
            AGENT_QUEUE_DEPTH,
            AGENT_QUEUE_LIMIT,
        ],
    },
    Section {
        title: "Every process",
        metrics: &[
            SPANS,
            SPAN_BUFFER,
            PROCESS_CPU,
            PROCESS_MEMORY,
            PROCESS_THREADS,
            PROCESS_FDS,
            PROCESS_MAX_FDS,
            PROCESS_START,
            BUILD,
        ],
    },
];

/// Every metric.
pub fn all() -> impl Iterator<Item = &'static Definition> {
    SECTIONS.iter().flat_map(|section| section.metrics)
}
