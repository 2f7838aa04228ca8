//! A task's spans that are made of its row, by whichever replica has it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use insula_telemetry::names::{key, span};
use insula_telemetry::{Kind, Span, is_recording};
use insula_types::framework::BUILT_IN;
use insula_types::record::{RequestRow, Rows, TaskRow};
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
        let first = Span::of_task(trace).from(self.wall.time(from));
        if !first.is_recorded() {
            return first;
        }
        self.on(first)
            .with_id(key::CELL, self.cell)
            .with(key::FRAMEWORK, self.framework.to_owned())
            .with_id(key::TASK, self.task)
    }
}

/// What the spans that a task begins with need of its row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    submitted: Option<Time>,
    accepted: Time,
    attempt: u32,
}

impl Start {
    pub(super) fn of(row: &TaskRow) -> Self {
        Self {
            submitted: row.times.submitted,
            accepted: row.times.accepted,
            attempt: row.attempt,
        }
    }

    /// Since when it waited for an offer: only the first start of a request did in this trace.
    fn waiting_since(self) -> Option<Time> {
        self.submitted.filter(|_| self.attempt == 0)
    }

    /// When the trace of this start begins.
    fn begun(self) -> Time {
        self.waiting_since().unwrap_or(self.accepted)
    }

    /// The spans of the step that accepted the task. That of a request began with the request.
    pub(super) fn accepted(self, about: &About<'_>, trace: &TraceContext, until: SystemTime) {
        match self.waiting_since() {
            Some(since) => self.waited(about, trace, since),
            None => about.first(trace, self.accepted, until),
        }
    }

    fn waited(self, about: &About<'_>, trace: &TraceContext, since: Time) {
        let (from, until) = (about.wall.time(since), about.wall.time(self.accepted));
        let span = Span::begin(span::WAIT_FOR_OFFER, Kind::Internal, trace);
        drop(about.on(span).from(from).until(until));
    }
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
    let start = Start::of(row);
    about.first(&trace, start.begun(), wall.time(start.accepted));
    if let Some(since) = start.waiting_since() {
        start.waited(&about, &trace, since);
    }
    let ended = row.times.ended.unwrap_or(row.status.at);
    let started = row.times.started.unwrap_or(row.times.accepted);
    let run = Span::begin(span::RUN, Kind::Internal, &trace).from(wall.time(started));
    let mut run = about
        .on(run)
        .with(key::RECORDED_FOR, "error")
        .with(key::TASK_STATE, row.status.state.as_str())
        .with(key::LAUNCH, row.launch.to_string())
        .with_id(key::AGENT, &row.agent);
    if let Some(reason) = row.status.reason {
        run.set(key::REASON, reason.as_str());
    }
    run.fail(row.status.state.as_str(), &row.status.message);
    drop(run.until(wall.time(ended)));
}

/// Makes the first spans of tasks anew that were accepted just before a partition changed hands: the
/// former owner may have died with them. When the commit was through is not in the row, so that they end
/// where they begin.
pub(in crate::partition) fn again(cell: &CellId, rows: &Rows, now: Time) {
    if !is_recording() {
        return;
    }
    for (about, trace, begun) in accepted_lately(cell, rows, Wall::now(now)) {
        about.first(trace, begun, about.wall.time(begun));
    }
}

/// Each start of the last minute whose trace is recorded, once: a request that was started is known by
/// its task.
fn accepted_lately<'a>(
    cell: &'a CellId,
    rows: &'a Rows,
    wall: Wall,
) -> impl Iterator<Item = (About<'a>, &'a TraceContext, Time)> {
    let since = Time(wall.kernel.0.saturating_sub(AGAIN_WITHIN.0));
    let tasks = rows.tasks.iter().map(move |row| {
        let about = About::row(cell, row, wall);
        (about, &row.trace, Start::of(row).begun())
    });
    let is_waiting = |row: &&RequestRow| row.attempts == 0;
    let requests = rows.requests.iter().filter(is_waiting).map(move |row| {
        let about = About {
            wall,
            cell,
            tenant: &row.tenant,
            framework: BUILT_IN,
            task: &row.request.task,
        };
        (about, &row.request.trace, row.submitted_at)
    });
    let all = tasks.chain(requests);
    all.filter(move |(_, trace, begun)| trace.is_sampled() && *begun >= since)
}

#[cfg(test)]
mod tests {
    use insula_types::record::CellRow;
    use insula_types::request::TaskRequest;
    use insula_types::{Resources, TaskKind};

    use super::*;

    const NOW: Time = Time(100_000_000);

    fn request(task: &str, number: u64, submitted_at: Time, is_sampled: bool) -> RequestRow {
        RequestRow {
            tenant: "acme".into(),
            request: TaskRequest {
                task: task.into(),
                name: task.to_owned(),
                kind: TaskKind::Native,
                resources: Resources::default(),
                constraints: Vec::new(),
                retries: 0,
                payload: "".into(),
                trace: TraceContext::start(number.into(), number, is_sampled),
            },
            launch: None,
            attempts: 0,
            submitted_at,
            withdrawn_at: None,
        }
    }

    #[test]
    fn what_was_accepted_lately_begins_once() {
        let lately = Time(NOW.0 - 1_000_000);
        let mut started = request("started", 2, lately, true);
        started.attempts = 1;
        let rows = Rows {
            cell: CellRow { seed: 1, time: NOW },
            roles: Vec::new(),
            agents: Vec::new(),
            frameworks: Vec::new(),
            tasks: Vec::new(),
            payloads: Vec::new(),
            requests: vec![
                request("waits", 1, lately, true),
                started,
                request("silent", 4, lately, false),
                request("old", 5, Time(1), true),
            ],
        };
        let cell = CellId::from("cell");
        let found = accepted_lately(&cell, &rows, Wall::now(NOW));
        let found: Vec<_> = found
            .map(|(about, trace, begun)| (about.task.as_str(), trace.span_id(), begun))
            .collect();
        assert_eq!(found, [("waits", 1, lately)]);
    }

    #[test]
    fn kernel_time_is_shown_on_this_machines_clock() {
        let wall = Wall::now(NOW);
        let second = Duration::from_secs(1);
        assert_eq!(wall.time(NOW), wall.machine);
        assert_eq!(wall.time(Time(NOW.0 + 1_000_000)), wall.machine + second);
        assert_eq!(wall.time(Time(NOW.0 - 1_000_000)), wall.machine - second);
    }
}
