//! A task's spans that are made of its row, by whichever replica has it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use insula_telemetry::names::{key, span};
use insula_telemetry::{Kind, Span};
use insula_types::framework::BUILT_IN;
use insula_types::record::{RequestRow, Rows, TaskRow};
use insula_types::trace::Origin;
use insula_types::{CellId, TaskId, TaskState, TenantId, Time, TraceContext};

/// How long after a task's acceptance its first span is made anew by a replica that takes over: the
/// former owner has exported, within this time, whatever it ever will.
const AGAIN_WITHIN: insula_types::Span = insula_types::Span::from_secs(60);

/// Kernel time as the clock of this machine has it, which is the one that all other spans of this
/// process are of.
#[derive(Debug, Clone, Copy)]
pub(in crate::partition) struct Wall {
    kernel: Time,
    machine: SystemTime,
}

impl Wall {
    /// It is that kernel time now.
    pub(in crate::partition) fn now(kernel: Time) -> Self {
        Self {
            kernel,
            machine: SystemTime::now(),
        }
    }

    pub(super) fn time(self, at: Time) -> SystemTime {
        let later = Duration::from_micros(at.0.saturating_sub(self.kernel.0));
        let earlier = Duration::from_micros(self.kernel.0.saturating_sub(at.0));
        let time = self.machine.checked_add(later).unwrap_or(self.machine);
        time.checked_sub(earlier).unwrap_or(UNIX_EPOCH)
    }
}

/// Whom a task's spans are about.
pub(super) struct About<'a> {
    pub(super) cell: &'a CellId,
    pub(super) tenant: &'a TenantId,
    pub(super) framework: &'a str,
    pub(super) task: &'a TaskId,
    pub(super) wall: Wall,
}

impl<'a> About<'a> {
    pub(super) fn row(cell: &'a CellId, row: &'a TaskRow, wall: Wall) -> Self {
        Self {
            wall,
            cell,
            tenant: &row.key.framework.tenant,
            framework: row.key.framework.framework.as_str(),
            task: &row.key.task,
        }
    }

    /// Says whose a span is. What the task is called stands on its first span alone.
    pub(super) fn on(&self, span: Span) -> Span {
        span.of(self.tenant)
    }

    /// The first span of the task, the parent of all others: its id is in the row.
    pub(super) fn first(&self, trace: &TraceContext, from: Time, until: SystemTime) {
        drop(self.first_span(trace, from).until(until));
    }

    /// The first span of a task that an accept named and that was not started, and why not.
    pub(super) fn never(&self, trace: &TraceContext, at: Time, why: &str) {
        let mut first = self.first_span(trace, at);
        first.event("call refused", why);
        first.fail("refused", why);
    }

    fn first_span(&self, trace: &TraceContext, from: Time) -> Span {
        let origin = trace.origin();
        let parent = match origin {
            Some(Origin::Caller { span_id }) => span_id,
            Some(Origin::Earlier { .. }) | None => 0,
        };
        let mut first =
            Span::made(span::TASK, Kind::Internal, trace, parent).from(self.wall.time(from));
        if let Some(Origin::Earlier { trace_id, span_id }) = origin {
            first.link(&TraceContext::start(trace_id, span_id, true));
        }
        if !first.is_recorded() {
            return first;
        }
        self.on(first)
            .with_id(key::CELL, self.cell)
            .with(key::FRAMEWORK, self.framework.to_owned())
            .with_id(key::TASK, self.task)
    }
}

/// Whether a task of the built-in framework was accepted as a request before: its first span was made
/// then.
pub(super) fn is_first_start_of_request(row: &TaskRow) -> bool {
    row.key.framework.framework.as_str() == BUILT_IN && row.attempt == 0
}

/// The time that a request waited for an offer that fits.
pub(super) fn waited(about: &About<'_>, row: &TaskRow, trace: &TraceContext) {
    let Some(submitted) = row.times.submitted.filter(|_| row.attempt == 0) else {
        return;
    };
    let span =
        Span::begin(span::WAIT_FOR_OFFER, Kind::Internal, trace).from(about.wall.time(submitted));
    drop(about.on(span).until(about.wall.time(row.times.accepted)));
}

/// Whether a state is an end that somebody should look at.
pub(super) fn is_bad(state: TaskState) -> bool {
    state.is_terminal() && !matches!(state, TaskState::Finished | TaskState::Killed)
}

/// A task that ended badly and whose trace is not recorded: what its row knows is, so that nobody has to
/// wish that the sampler had taken it.
pub(super) fn recorded_for_its_end(cell: &CellId, row: &TaskRow, wall: Wall) {
    let trace = row.trace.with_sampled(true);
    let about = About::row(cell, row, wall);
    let from = row.times.submitted.unwrap_or(row.times.accepted);
    about.first(&trace, from, wall.time(row.times.accepted));
    waited(&about, row, &trace);
    let ended = row.times.ended.unwrap_or(row.status.at);
    let started = row.times.started.unwrap_or(row.times.accepted);
    let run = Span::begin(span::RUN, Kind::Internal, &trace).from(wall.time(started));
    let mut run = about
        .on(run)
        .with(key::RECORDED_FOR, "error")
        .with(key::TASK_STATE, row.status.state.as_str())
        .with(key::LAUNCH, row.launch.to_string())
        .with(key::AGENT, row.agent.as_str().to_owned());
    if let Some(reason) = row.status.reason {
        run.set(key::REASON, reason.as_str());
    }
    run.fail(row.status.state.as_str(), &row.status.message);
    drop(run.until(wall.time(ended)));
}

/// Makes the first spans of tasks anew that were accepted just before a partition changed hands: the
/// former owner may have died with them.
pub(in crate::partition) fn again(cell: &CellId, rows: &Rows, now: Time) {
    let wall = Wall::now(now);
    let since = Time(now.0.saturating_sub(AGAIN_WITHIN.0));
    let is_wanted = |trace: &TraceContext, at: Time| trace.is_sampled() && at >= since;
    for row in &rows.tasks {
        let from = row.times.submitted.unwrap_or(row.times.accepted);
        if is_wanted(&row.trace, from) && row.attempt == 0 {
            let about = About::row(cell, row, wall);
            about.first(&row.trace, from, wall.time(from));
        } else if is_wanted(&row.trace, row.times.accepted) {
            let about = About::row(cell, row, wall);
            about.first(
                &row.trace,
                row.times.accepted,
                wall.time(row.times.accepted),
            );
        }
    }
    for row in &rows.requests {
        if is_wanted(&row.request.trace, row.submitted_at) {
            let about = request(cell, row, wall);
            about.first(
                &row.request.trace,
                row.submitted_at,
                wall.time(row.submitted_at),
            );
        }
    }
}

fn request<'a>(cell: &'a CellId, row: &'a RequestRow, wall: Wall) -> About<'a> {
    About {
        wall,
        cell,
        tenant: &row.tenant,
        framework: BUILT_IN,
        task: &row.request.task,
    }
}
