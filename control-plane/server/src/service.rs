//! What every handler of the Insula API and of the agents' protocol works with.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::FromRef;
use insula_store::Store;
use insula_types::Time;
use tokio::sync::Semaphore;

use crate::auth::Gate;
use crate::authority::Authority;
use crate::cells::Cells;
use crate::events::EventLogs;
use crate::forward::Forwarder;
use crate::front::Connections;
use crate::metrics::Collector;
use crate::relay::Relay;
use crate::stopping::Stopping;

/// Modules that are taken in at a time: with the largest, half a gigabyte of memory.
pub(crate) const UPLOADS_MAX: usize = 8;

/// One per process, shared.
pub struct Service {
    /// The cells, wherever they are served.
    pub cells: Cells,
    /// Decides who calls.
    pub gate: Gate,
    /// Sends on what only another replica can answer.
    pub forwarder: Forwarder,
    /// The truth, for bulk reads (rule R13) and what the kernel does not know.
    pub store: Store,
    /// The newest events of the cells that are served here.
    pub events: EventLogs,
    /// Joins requests to agents with their answers.
    pub relay: Relay,
    /// Signs the certificates of this organization's agents.
    pub organization: Authority,
    /// What join tokens say about the service.
    pub reached: Reached,
    /// Tells what would go on for ever to end.
    pub stopping: Stopping,
    /// Looks after the metrics.
    pub collector: Collector,
    /// How many connections are open.
    pub connections: Connections,
    /// Modules that may be taken in at a time: each is in memory while it is checked.
    pub uploads: Semaphore,
}

impl FromRef<Arc<Service>> for Gate {
    fn from_ref(service: &Arc<Service>) -> Self {
        service.gate.clone()
    }
}

/// How an agent finds the service, and how it knows it.
#[derive(Debug, Clone)]
pub struct Reached {
    /// `host:port`.
    pub address: String,
    /// SHA-256 of the service authority's certificate.
    pub fingerprint: [u8; 32],
}

/// The wall clock, in microseconds since the unix epoch; for display and for certificates.
#[must_use]
pub fn wall_clock() -> Time {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
