//! What an agent measures of itself, for Prometheus and OpenTelemetry.
//!
//! The handles are made once; whoever something happens to counts it there. What is found by looking
//! (states, depths) the driver looks at once a second, if somebody may read it.

use std::net::SocketAddr;
use std::time::Duration;

use insula_agent_core::Counts;
use insula_telemetry::metrics::labels::{AgentQueue, Answered, LiveState, Runs};
use insula_telemetry::metrics::{
    Counter, Histogram, Identity, Metrics, Point, ProcessMetrics, Shown, serve, size, table,
};
use insula_telemetry::span_figures;
use insula_types::{AgentId, TaskKind};

use crate::{Error, VERSION};

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Figures {
    metrics: Metrics,
    process: ProcessMetrics,
    is_served: bool,
    tasks: Shown,
    updates_pending: Shown,
    connected: Shown,
    executors: Shown,
    queue_depth: Shown,
    queue_limit: Shown,
    sessions: Counter<Answered>,
    journal_duration: Histogram<()>,
    journal_records: Histogram<()>,
    launch_duration: Histogram<Runs>,
}

/// What is found by looking at the driver.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Looked {
    pub(crate) counts: Counts,
    pub(crate) is_registered: bool,
    /// Events that wait for the driver, and how many may.
    pub(crate) events: (usize, usize),
    /// Messages that wait for the connection, and how many may.
    pub(crate) outbound: (usize, usize),
}

impl Figures {
    /// Figures that are read at an address, if there is one, and sent where the standard variables of
    /// OpenTelemetry say.
    ///
    /// # Errors
    /// [`Error::Export`], if the variables ask for what there is not.
    pub(crate) fn start(agent: &AgentId, is_served: bool) -> Result<Self, Error> {
        let metrics = Metrics::start(Identity {
            service: "insula-agent",
            version: VERSION,
            instance: agent.to_string(),
        })?;
        Ok(Self::of(metrics, is_served))
    }

    fn of(metrics: Metrics, is_served: bool) -> Self {
        Self {
            process: ProcessMetrics::new(&metrics),
            is_served,
            tasks: metrics.shown(&table::AGENT_TASKS),
            updates_pending: metrics.shown(&table::AGENT_UPDATES_PENDING),
            connected: metrics.shown(&table::AGENT_CONNECTED),
            executors: metrics.shown(&table::AGENT_EXECUTORS),
            queue_depth: metrics.shown(&table::AGENT_QUEUE_DEPTH),
            queue_limit: metrics.shown(&table::AGENT_QUEUE_LIMIT),
            sessions: metrics.counter(&table::AGENT_SESSIONS),
            journal_duration: metrics.histogram(&table::AGENT_JOURNAL_DURATION),
            journal_records: metrics.histogram(&table::AGENT_JOURNAL_RECORDS),
            launch_duration: metrics.histogram(&table::AGENT_LAUNCH_DURATION),
            metrics,
        }
    }

    /// Answers `GET /metrics` at that address, for as long as the result is polled.
    ///
    /// # Errors
    /// [`Error::Metrics`], if it cannot be listened at.
    pub(crate) async fn serve(
        &self,
        address: SocketAddr,
    ) -> Result<impl Future<Output = ()> + Send + 'static + use<>, Error> {
        let process = self.process.clone();
        let refresh = move || process.refresh();
        let (bound, serving) = serve(address, self.metrics.clone(), refresh).await?;
        tracing::info!(address = %bound, "metrics are served");
        Ok(serving)
    }

    /// Whether somebody may read them.
    pub(crate) fn is_read(&self) -> bool {
        self.is_served || self.metrics.is_exported()
    }

    /// A session was registered, or ended before it was.
    pub(crate) fn session(&self, answered: Answered) {
        self.sessions.one(answered);
    }

    /// So many records took so long to be durable.
    pub(crate) fn journal(&self, records: usize, took: Duration) {
        self.journal_duration.took((), took);
        self.journal_records.was((), size(records));
    }

    /// A task runs, so long after its launch arrived.
    pub(crate) fn launched(&self, kind: TaskKind, took: Duration) {
        let runs = match kind {
            TaskKind::Native => Runs::Native,
            TaskKind::Wasm => Runs::Wasm,
        };
        self.launch_duration.took(runs, took);
    }

    /// So many executor processes are there.
    pub(crate) fn executors(&self, count: usize) {
        self.executors.set(size(count));
    }

    /// What was found by looking.
    pub(crate) fn looked(&self, looked: &Looked) {
        let counts = looked.counts;
        self.tasks.replace(
            [
                (LiveState::Starting, counts.starting),
                (LiveState::Running, counts.running),
                (LiveState::Killing, counts.killing),
                (LiveState::Unacknowledged, counts.ended),
            ]
            .map(|(state, count)| Point::of(state, size(count))),
        );
        self.updates_pending.set(size(counts.pending));
        self.connected.set(f64::from(looked.is_registered));
        let spans = span_figures();
        let queues = [
            (AgentQueue::Events, looked.events),
            (AgentQueue::Outbound, looked.outbound),
            (AgentQueue::Spans, (spans.queued, spans.queued_max)),
        ];
        let shown = |(queue, depth): (AgentQueue, usize)| Point::of(queue, size(depth));
        self.queue_depth
            .replace(queues.map(|(queue, (depth, _))| shown((queue, depth))));
        self.queue_limit
            .replace(queues.map(|(queue, (_, limit))| shown((queue, limit))));
        self.process.refresh();
    }

    /// Sends the last values; blocks for at most about so long.
    pub(crate) fn shut(&self, within: Duration) {
        self.metrics.shut(within);
    }
}

impl std::fmt::Debug for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Figures").finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) fn detached() -> Figures {
    let identity = Identity {
        service: "insula-agent",
        version: VERSION,
        instance: "test".to_owned(),
    };
    Figures::of(Metrics::new(identity), false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use insula_telemetry::metrics::Process;

    #[test]
    fn every_metric_of_an_agent_is_there_and_no_other() {
        let figures = detached();
        figures.session(Answered::Ok);
        figures.journal(3, Duration::from_millis(2));
        figures.launched(TaskKind::Wasm, Duration::from_millis(20));
        figures.executors(1);
        figures.looked(&Looked {
            is_registered: true,
            ..Looked::default()
        });
        let text = figures.metrics.text();
        let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let mut there: Vec<&str> = families.filter_map(|rest| rest.split(' ').next()).collect();
        let of_agents = table::all().filter(|metric| metric.is_of(Process::Agent));
        let mut wanted: Vec<String> = of_agents.map(|metric| metric.prometheus_name()).collect();
        there.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(there, wanted);
        assert!(text.contains("insula_agent_connected 1"), "{text}");
    }
}
