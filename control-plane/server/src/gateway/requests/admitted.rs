//! The tasks that a request asks for, in traces.

use insula_telemetry::names::{key, span};
use insula_telemetry::{Kind, Span};
use insula_types::{CellId, FrameworkKey, TaskId, TraceContext};

use super::arrival::Arrival;
use crate::partition::Unavailable;

/// Tasks on their way to the owner of their cell. Each that is recorded gets a span for its way, a child
/// of the task's first span, which the owner makes when it accepts the task. If the request is refused,
/// nobody else will: then it is made here, so that nothing is left without its parent.
///
/// Dropped without a word it leaves no span: whether the owner took the tasks is not known then.
pub(crate) struct Admitted {
    arrival: Arrival,
    cell: CellId,
    framework: FrameworkKey,
    /// Those that are recorded.
    tasks: Vec<(TaskId, TraceContext)>,
}

impl Admitted {
    /// The tasks of a request, each with the context of its first span.
    pub(crate) fn new<'a>(
        arrival: &Arrival,
        cell: &CellId,
        framework: &FrameworkKey,
        tasks: impl ExactSizeIterator<Item = (&'a TaskId, &'a TraceContext)> + Clone,
    ) -> Self {
        arrival.asks_for(tasks.clone().map(|(_, trace)| trace));
        let recorded = tasks.filter(|(_, trace)| trace.is_sampled());
        let recorded = recorded.map(|(task, trace)| (task.clone(), trace.clone()));
        Self {
            arrival: arrival.clone(),
            cell: cell.clone(),
            framework: framework.clone(),
            tasks: recorded.collect(),
        }
    }

    /// The owner took them. Of those that it does not start it says so itself.
    pub(crate) fn accepted(&self) {
        for (_, trace) in &self.tasks {
            drop(self.way(trace));
        }
    }

    /// None of them was taken, for a reason of that kind.
    pub(crate) fn refused(&self, kind: &'static str, sentence: &str) {
        for (task, trace) in &self.tasks {
            self.first(task, trace, kind, sentence);
            self.way(trace).fail(kind, sentence);
        }
    }

    /// The owner did not answer. Where it may have taken them, what is known of them comes from it.
    pub(crate) fn unanswered(&self, unavailable: &Unavailable) {
        if !unavailable.uncertain {
            self.refused("unavailable", &unavailable.to_string());
        }
    }

    fn first(&self, task: &TaskId, trace: &TraceContext, kind: &'static str, sentence: &str) {
        let first = Span::of_task(trace);
        self.ours(first)
            .with_id(key::CELL, &self.cell)
            .with_id(key::FRAMEWORK, &self.framework.framework)
            .with_id(key::TASK, task)
            .fail(kind, sentence);
    }

    fn way(&self, trace: &TraceContext) -> Span {
        let mut way = Span::begin(span::ACCEPT, Kind::Internal, trace);
        way.link(self.arrival.context());
        self.ours(way)
    }

    fn ours(&self, span: Span) -> Span {
        span.from(self.arrival.at()).of(&self.framework.tenant)
    }
}
