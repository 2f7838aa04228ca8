//! Looks at everything before the metrics are read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use insula_telemetry::metrics::{Metrics, ProcessMetrics, Shown, size, table};
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior};

use super::cells::CellMetrics;
use super::partitions::PartitionMetrics;
use super::queues::QueueMetrics;
use super::requests::Requests;
use crate::gateway::ready::Readiness;
use crate::service::Service;

/// Whoever asks again within this time gets what was found.
const FRESH: Duration = Duration::from_millis(500);
/// How often it is looked for a receiver of OTLP, which does not ask.
const LOOK: Duration = Duration::from_secs(10);

/// All metrics of a control plane, and who looks after them.
pub struct Collector {
    metrics: Metrics,
    pub(crate) requests: Requests,
    open: Shown,
    process: ProcessMetrics,
    cells: CellMetrics,
    partitions: PartitionMetrics,
    queues: QueueMetrics,
    readiness: Option<Readiness>,
    /// When it was looked last; held by whoever looks.
    looked: Mutex<Option<Instant>>,
}

impl Collector {
    /// Adds what is looked at to the metrics of a process; once. What readiness there is says whether
    /// the process is one of several.
    #[must_use]
    pub fn new(metrics: Metrics, readiness: Option<Readiness>) -> Self {
        Self {
            requests: Requests::new(&metrics),
            open: metrics.shown(&table::REQUESTS_OPEN),
            process: ProcessMetrics::new(&metrics),
            cells: CellMetrics::new(&metrics),
            partitions: PartitionMetrics::new(&metrics),
            queues: QueueMetrics::new(&metrics),
            readiness,
            looked: Mutex::new(None),
            metrics,
        }
    }

    /// Everything in the text format of Prometheus.
    pub(super) async fn text(&self, service: &Service) -> String {
        self.refresh(service).await;
        self.metrics.text()
    }

    /// Looks, unless somebody has just done so. Never longer than a scheduler may take to answer.
    async fn refresh(&self, service: &Service) {
        let mut looked = self.looked.lock().await;
        if looked.is_some_and(|at| at.elapsed() < FRESH) {
            return;
        }
        let owners = service.cells.owners();
        let measures = service.cells.sessions().measures();
        self.cells.refresh(owners, measures).await;
        self.partitions.refresh(owners, self.readiness.as_ref());
        self.queues.refresh(service);
        self.open.set(size(self.requests.open()));
        self.process.refresh();
        *looked = Some(Instant::now());
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Collector").field(&self.metrics).finish()
    }
}

/// Looks now and then for as long as it is polled, if the metrics are sent to a receiver.
pub(crate) async fn look_for_export(service: Arc<Service>) {
    let collector = &service.collector;
    if !collector.metrics.is_exported() {
        return;
    }
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        collector.refresh(&service).await;
    }
}
