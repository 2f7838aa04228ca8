//! What happened to a start of a task, step by step, as its row records it.
//!
//! Pure: rows and a time in, [`Step`]s out. The steps follow one another without a gap, from the
//! submission to the acknowledgement; they are complete whether the trace is sampled or not, and
//! whichever replica looks.
//!
//! Two clocks meet in a row: kernel time, and the wall clock of the agent's machine. Kernel time is
//! what counts; `clock.rs` moves what an agent reports to where it fits.

mod clock;
#[cfg(test)]
mod tests;

use insula_types::framework::BUILT_IN;
use insula_types::record::{RequestRow, TaskRow};
use insula_types::task::Exit;
use insula_types::{TaskState, TaskStatus, Time};

/// What was going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// No offer was accepted for it yet: from the submission, or from the end of the start before.
    WaitingForOffer,
    /// The launch is committed and sent.
    LaunchUnderWay,
    /// The agent has the launch and starts it; only if the agent says when.
    Starting,
    /// The process runs.
    Running,
    /// The agent cannot be reached; what the task does is not known.
    OutOfReach,
    /// The end is on its way from the agent; only if the agent says when.
    EndUnderWay,
    /// The end waits for its acknowledgement.
    Acknowledgement,
}

impl What {
    /// The words for people and programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WaitingForOffer => "waiting for an offer",
            Self::LaunchUnderWay => "launch under way",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::OutOfReach => "out of reach",
            Self::EndUnderWay => "end under way",
            Self::Acknowledgement => "acknowledgement",
        }
    }
}

/// Whom a step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The control plane.
    ControlPlane,
    /// The task's agent.
    Agent,
    /// The task's framework, unless it is the built-in one, which is in the control plane.
    Framework,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// As it should.
    Done,
    /// The task ended badly in it.
    Failed,
    /// It has not ended.
    UnderWay,
}

/// A part of the time that a start took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was going on.
    pub what: What,
    /// Whom it waited for.
    pub place: Place,
    /// When it began, in kernel time.
    pub from: Time,
    /// When it ended, in kernel time and not before `from`; none if it has not.
    pub until: Option<Time>,
    /// How it went.
    pub progress: Progress,
    /// For people; may be empty.
    pub detail: String,
}

/// The steps of one start, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// See [`Step`].
    pub steps: Vec<Step>,
    /// What must be known to read them, in sentences.
    pub notes: Vec<String>,
}

/// The timeline of a start. `earlier` is when the start before it ended, if there was one; `now`
/// bounds what an agent's clock may claim.
#[must_use]
pub fn of_start(row: &TaskRow, earlier: Option<Time>, now: Time) -> Timeline {
    let fitted = clock::fit(&row.times, now);
    let mut steps = Vec::new();
    let accepted = row.times.accepted;
    if let Some(submitted) = row.times.submitted {
        let from = waiting_since(submitted, earlier).min(accepted);
        steps.push(done(What::WaitingForOffer, from, accepted));
    }
    steps.extend(on_its_way(row, &fitted));
    if row.status.state == TaskState::Unreachable {
        let since = row.status.unreachable_since.unwrap_or(accepted);
        let detail = row.status.message.clone();
        steps.push(Step {
            detail,
            ..open(What::OutOfReach, since.max(accepted))
        });
    }
    steps.extend(acknowledgement(row));
    let notes = fitted.note().into_iter().collect();
    Timeline { steps, notes }
}

/// The timeline of a request that waits to be started, or was taken back while it did. `earlier` is
/// when its latest start ended, if there was one.
#[must_use]
pub fn of_request(row: &RequestRow, earlier: Option<Time>) -> Timeline {
    let from = waiting_since(row.submitted_at, earlier);
    let step = match row.withdrawn_at {
        Some(withdrawn) => done(What::WaitingForOffer, from.min(withdrawn), withdrawn),
        None => open(What::WaitingForOffer, from),
    };
    Timeline {
        steps: vec![step],
        notes: Vec::new(),
    }
}

/// A request that is started again waits from the end of the start before.
fn waiting_since(submitted: Time, earlier: Option<Time>) -> Time {
    earlier.map_or(submitted, |ended| ended.max(submitted))
}

/// From the accept to the terminal status. Each point of time that is known begins a step, which ends
/// where the next one begins.
fn on_its_way(row: &TaskRow, on_agent: &clock::Fitted) -> Vec<Step> {
    let started = on_agent.started.or(row.times.started);
    let begun = [
        (What::LaunchUnderWay, Some(row.times.accepted)),
        (What::Starting, on_agent.received),
        (What::Running, started),
        (What::EndUnderWay, on_agent.ended),
    ];
    let begun: Vec<(What, Time)> = begun
        .into_iter()
        .filter_map(|(what, at)| Some((what, at?)))
        .collect();
    let ends = begun.iter().skip(1).map(|(_, at)| Some(*at));
    let ends = ends.chain([row.times.ended]);
    let mut steps: Vec<Step> = begun
        .iter()
        .zip(ends)
        .map(|((what, from), until)| match until {
            Some(until) => done(*what, *from, until),
            None => open(*what, *from),
        })
        .collect();
    let is_work = |step: &&mut Step| step.what != What::EndUnderWay;
    if row.times.ended.is_some()
        && let Some(last) = steps.iter_mut().rev().find(is_work)
    {
        last.detail = outcome(&row.status);
        if is_failure(row.status.state) {
            last.progress = Progress::Failed;
        }
    }
    steps
}

/// From the terminal status to its acknowledgement, if it is one that is acknowledged.
fn acknowledgement(row: &TaskRow) -> Option<Step> {
    let ended = row.times.ended?;
    let is_waited_for = row.status.uuid.is_some() && !row.archived;
    let step = match row.times.acknowledged {
        Some(acknowledged) => done(What::Acknowledgement, ended, acknowledged),
        None if is_waited_for => open(What::Acknowledgement, ended),
        None => return None,
    };
    let is_ours = row.key.framework.framework.as_str() == BUILT_IN;
    Some(Step {
        place: if is_ours {
            Place::ControlPlane
        } else {
            Place::Framework
        },
        ..step
    })
}

fn done(what: What, from: Time, until: Time) -> Step {
    Step {
        until: Some(until.max(from)),
        progress: Progress::Done,
        ..open(what, from)
    }
}

fn open(what: What, from: Time) -> Step {
    let place = match what {
        What::Starting | What::Running => Place::Agent,
        What::WaitingForOffer
        | What::LaunchUnderWay
        | What::OutOfReach
        | What::EndUnderWay
        | What::Acknowledgement => Place::ControlPlane,
    };
    Step {
        what,
        place,
        from,
        until: None,
        progress: Progress::UnderWay,
        detail: String::new(),
    }
}

/// Whether a task that is over ended otherwise than by its own success or because it was asked to.
#[must_use]
pub fn is_failure(state: TaskState) -> bool {
    state.is_terminal() && !matches!(state, TaskState::Finished | TaskState::Killed)
}

/// The most telling thing that is known of an end.
fn outcome(status: &TaskStatus) -> String {
    if !status.message.is_empty() {
        return status.message.clone();
    }
    match (status.exit, status.reason) {
        (Some(Exit::Code(code)), _) => format!("exit code {code}"),
        (Some(Exit::Signal(signal)), _) => format!("ended by signal {signal}"),
        (None, Some(reason)) => reason.as_str().to_owned(),
        (None, None) => String::new(),
    }
}
