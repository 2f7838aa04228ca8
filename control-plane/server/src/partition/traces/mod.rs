//! The owner's part in traces.
//!
//! A task's first span has its id in the task's row and is the parent of every other span of the task,
//! in every process: so nobody's death makes an orphan, and nothing is nested for hours
//! (`control-plane/docs/adr/0011-…`). Its owner makes it when the commit that accepted the task is
//! through; a replica that takes the partition over makes those of the last minute anew, since the
//! former owner may have died before it had exported them.
//!
//! A commit is a trace of its own that links to the tasks that it carries. What the owner says about no
//! task (offers, registrations, resets) belongs to the trace of the commit that let it out, and before
//! the first one to that of taking the partition.

mod names;
mod task;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use insula_pipeline::Commit;
use insula_telemetry::names::{key, span};
use insula_telemetry::{Kind, Span, fresh, is_recording};
use insula_types::event::{Event, EventKind};
use insula_types::message::{Message, Peer};
use insula_types::record::{Record, TaskRow};
use insula_types::{
    CellId, Epoch, FrameworkKey, LaunchId, PartitionId, TaskId, TaskKey, Time, TraceContext,
};

pub(crate) use names::hop;
pub(super) use names::{process, wanted, whose};
pub(super) use task::again;
use task::{About, Start, Wall};

/// See the module.
#[derive(Debug)]
pub(super) struct Traces {
    /// What is said about no task belongs here.
    cause: TraceContext,
    partition: PartitionId,
    epoch: Epoch,
    /// What the database is called.
    system: &'static str,
    wall: Wall,
    latest: Latest,
}

/// The commit whose effects leave now, as far as spans are made of it.
#[derive(Debug)]
struct Latest {
    ended: SystemTime,
    /// Starts of tasks whose traces are recorded.
    starts: HashMap<LaunchId, Start>,
    /// Tasks that ended badly, and whose traces are not recorded.
    ends: HashMap<LaunchId, Box<TaskRow>>,
}

impl Traces {
    /// A partition has just been taken.
    pub(super) fn new(
        partition: PartitionId,
        epoch: Epoch,
        system: &'static str,
        now: Time,
    ) -> Self {
        let taken = Span::root(span::TAKE_PARTITION, Kind::Internal)
            .with(key::PARTITION, i64::from(partition.0))
            .with(key::EPOCH, epoch.to_string());
        Self {
            cause: taken.end(),
            partition,
            epoch,
            system,
            wall: Wall::now(now),
            latest: Latest::new(),
        }
    }

    /// The context of what is said: that of its task, or of the commit that lets it out.
    pub(super) fn of(&self, task: TraceContext) -> TraceContext {
        if task.is_empty() {
            self.cause.clone()
        } else {
            task
        }
    }

    /// The trace of what lets things out now.
    pub(super) fn cause(&self) -> TraceContext {
        self.cause.clone()
    }

    /// The span of handing a message about a task to a gateway of another replica.
    pub(super) fn relaying(peer: &Peer, trace: &TraceContext, message: &Message) -> Option<Span> {
        if !trace.is_sampled() {
            return None;
        }
        let span = Span::begin(hop(message).relay, Kind::Producer, trace)
            .with(key::MESSAGING_SYSTEM, "redis")
            .with(key::MESSAGING_OPERATION_TYPE, "send");
        Some(match peer {
            Peer::Agent { agent, .. } => span.with_id(key::AGENT, agent),
            Peer::Framework { framework, .. } => span
                .of(&framework.tenant)
                .with_id(key::FRAMEWORK, &framework.framework),
        })
    }

    /// A commit is through; `begun` is when it was handed to the store, `now` is kernel time. What it
    /// lets out is told by [`Self::happened`] after this.
    pub(super) fn committed(&mut self, commit: &Commit, begun: SystemTime, now: Time) {
        self.wall = Wall::now(now);
        self.latest = Latest::new();
        self.cause = fresh();
        if !is_recording() {
            return;
        }
        let mut carried = Vec::new();
        for record in commit.cells.iter().flat_map(|(_, records)| records) {
            match record {
                Record::Task(row) if row.trace.is_sampled() => {
                    carried.push(&row.trace);
                    self.latest.starts.insert(row.launch, Start::of(row));
                }
                Record::Task(row) if task::is_bad(row.status.state) => {
                    self.latest.ends.insert(row.launch, row.clone());
                }
                Record::Request(row) if row.request.trace.is_sampled() => {
                    carried.push(&row.request.trace);
                }
                _ => {}
            }
        }
        if !carried.is_empty() {
            self.cause = self.cause.with_sampled(true);
        }
        self.show(commit, begun, &carried);
    }

    fn show(&self, commit: &Commit, begun: SystemTime, carried: &[&TraceContext]) {
        let span = Span::made(span::COMMIT, Kind::Client, &self.cause, 0);
        if !span.is_recorded() {
            return;
        }
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let rows = commit.cells.iter().map(|(_, records)| records.len()).sum();
        let mut span = span
            .from(begun)
            .until(self.latest.ended)
            .with(key::DB_SYSTEM, self.system)
            .with(key::DB_OPERATION, "COMMIT")
            .with(key::PARTITION, i64::from(self.partition.0))
            .with(key::EPOCH, self.epoch.to_string())
            .with(key::COMMIT, commit.number().to_string())
            .with(key::CELLS, number(commit.cells.len()))
            .with(key::ROWS, number(rows))
            .with(key::TASKS, number(carried.len()));
        for task in carried {
            span.link(task);
        }
    }

    /// Something happened to a task, and the latest commit made it true.
    pub(super) fn happened(&self, cell: &CellId, event: &Event) {
        if !event.trace.is_sampled() {
            self.ended(cell, event);
            return;
        }
        if let EventKind::CallRefused {
            framework,
            task,
            sentence,
            ..
        } = &event.kind
        {
            self.refused(cell, event, framework, task.as_ref(), sentence);
        }
        let Some((of, what)) = names::of_task(&event.kind) else {
            return;
        };
        let about = self.about(cell, of);
        if let EventKind::RequestWaits { why, .. } = &event.kind {
            let span = Span::begin(span::DECISION, Kind::Internal, &event.trace);
            about.on(span).event("no offer", &why.to_string());
            return;
        }
        self.begins(&about, event);
        self.step(&about, event, what);
    }

    /// An end in a trace that is not recorded: it is shown if it is a bad one.
    fn ended(&self, cell: &CellId, event: &Event) {
        if let EventKind::TaskUpdated { launch, state, .. } = &event.kind
            && task::is_bad(*state)
            && let Some(row) = self.latest.ends.get(launch)
        {
            task::recorded_for_its_end(cell, row, self.wall);
        }
    }

    /// A task of an accept that is not started has no row, and its first span is made of the refusal; a
    /// call that is refused as a whole had its tasks' made by the gateway.
    fn refused(
        &self,
        cell: &CellId,
        event: &Event,
        framework: &FrameworkKey,
        task: Option<&TaskId>,
        why: &str,
    ) {
        if let Some(task) = task {
            let about = About {
                wall: self.wall,
                cell,
                tenant: &framework.tenant,
                framework: framework.framework.as_str(),
                task,
            };
            about.never(&event.trace, event.at, why);
            return;
        }
        let span = Span::begin(span::DECISION, Kind::Internal, &event.trace);
        span.of(&framework.tenant).event("call refused", why);
    }

    /// Makes the spans that a task begins with.
    fn begins(&self, about: &About<'_>, event: &Event) {
        match &event.kind {
            EventKind::RequestSubmitted { .. } => {
                about.first(&event.trace, event.at, self.latest.ended);
            }
            EventKind::TaskAccepted { launch, .. } => {
                if let Some(start) = self.latest.starts.get(launch) {
                    start.accepted(about, &event.trace, self.latest.ended);
                }
            }
            _ => {}
        }
    }

    /// The step's wait for its commit, with what was decided.
    fn step(&self, about: &About<'_>, event: &Event, what: &'static str) {
        let span = Span::begin(span::COMMIT, Kind::Internal, &event.trace)
            .from(self.wall.time(event.at))
            .until(self.latest.ended);
        let mut span = about.on(span).with(key::STEP, what);
        span.link(&self.cause);
        match &event.kind {
            EventKind::TaskAccepted { launch, agent, .. } => {
                span.set(key::LAUNCH, launch.to_string());
                span.set(key::AGENT, Arc::<str>::from(agent));
            }
            EventKind::TaskUpdated {
                state,
                reason,
                message,
                ..
            } => {
                span.set(key::TASK_STATE, state.as_str());
                if let Some(reason) = reason {
                    span.set(key::REASON, reason.as_str());
                }
                if task::is_bad(*state) {
                    span.fail(state.as_str(), message);
                }
            }
            _ => {}
        }
    }

    fn about<'a>(&self, cell: &'a CellId, of: &'a TaskKey) -> About<'a> {
        About {
            wall: self.wall,
            cell,
            tenant: &of.framework.tenant,
            framework: of.framework.framework.as_str(),
            task: &of.task,
        }
    }
}

impl Latest {
    /// One that has ended just now.
    fn new() -> Self {
        Self {
            ended: SystemTime::now(),
            starts: HashMap::new(),
            ends: HashMap::new(),
        }
    }
}
