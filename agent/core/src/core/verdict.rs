//! What a launch's end means: state, reason and sentence, with Mesos' words where it has some.

use insula_types::task::Exit;
use insula_types::{Reason, Source, Span, TaskKind, TaskState, Time};

use crate::task::{Phase, Task};
use crate::{Absence, End, EndCause};

/// A state with its explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) state: TaskState,
    pub(super) source: Source,
    pub(super) reason: Option<Reason>,
    pub(super) message: String,
    pub(super) exit: Option<Exit>,
    /// When its executor started it, if that is what there is to say.
    pub(super) started: Option<Time>,
}

/// A launch that an executor runs; there is nothing to explain.
pub(super) const fn running(started: Option<Time>) -> Verdict {
    let mut verdict = verdict(TaskState::Running, Source::Executor, None, String::new());
    verdict.started = started;
    verdict
}

/// A launch that never ran because it could not be started.
pub(super) fn start_failed(task: &Task, sentence: String) -> Verdict {
    if task.kill.is_some() {
        return killed_during_launch();
    }
    failed(Source::Agent, Some(Reason::ContainerLaunchFailed), sentence)
}

/// A launch that ended.
pub(super) fn ended(task: &Task, end: &End, now: Time) -> Verdict {
    let verdict = if let Some(limit) = time_that_was_over(task, end, now) {
        let message =
            format!("the task ran for longer than its maximum completion time of {limit}");
        failed(
            Source::Executor,
            Some(Reason::MaxCompletionTimeReached),
            message,
        )
    } else if task.kill.is_some() {
        verdict(
            TaskState::Killed,
            Source::Executor,
            None,
            describe(task, end),
        )
    } else {
        ended_unasked(task, end)
    };
    Verdict {
        exit: end.exit,
        ..verdict
    }
}

fn ended_unasked(task: &Task, end: &End) -> Verdict {
    let message = describe(task, end);
    match end.cause {
        EndCause::Exit if end.exit == Some(Exit::Code(0)) => {
            verdict(TaskState::Finished, Source::Executor, None, message)
        }
        EndCause::Exit | EndCause::Trap => failed(Source::Executor, None, message),
        EndCause::MemoryLimit => failed(
            Source::Agent,
            Some(Reason::ContainerLimitationMemory),
            message,
        ),
        EndCause::OtherLimit => failed(Source::Agent, Some(Reason::ContainerLimitation), message),
        EndCause::TimeLimit => failed(
            Source::Executor,
            Some(Reason::MaxCompletionTimeReached),
            message,
        ),
        EndCause::Killed | EndCause::Lost => {
            failed(Source::Agent, Some(Reason::ExecutorTerminated), message)
        }
    }
}

/// A launch that no executor has. One that never ran is dropped: it did not start and never will,
/// since a launch that was under way when the agent died is not started again (rule R23).
pub(super) fn absent(task: &Task, absence: Absence) -> Verdict {
    let never_ran = task.phase() == Phase::Starting && absence != Absence::ExecutorEnded;
    let between = match absence {
        Absence::AgentRestarted => "the agent was restarted",
        Absence::MachineRestarted => "the machine was restarted",
        Absence::ExecutorEnded => "the executor ended",
    };
    match (task.kill.is_some(), never_ran) {
        (true, true) => killed_during_launch(),
        (true, false) => verdict(
            TaskState::Killed,
            Source::Agent,
            Some(Reason::ExecutorTerminated),
            format!("{between} while the task was being killed"),
        ),
        (false, true) => verdict(
            TaskState::Dropped,
            Source::Agent,
            Some(Reason::AgentRestarted),
            format!("{between} before the task was started"),
        ),
        (false, false) => failed(
            Source::Agent,
            Some(Reason::ExecutorTerminated),
            format!("{between} while the task was running"),
        ),
    }
}

/// The task's time limit, if the task was stopped when its time was over, and by nothing else.
fn time_that_was_over(task: &Task, end: &End, now: Time) -> Option<Span> {
    let limit = task.record.plan.max_completion?;
    let was_stopped = end.cause == EndCause::Killed || matches!(end.exit, Some(Exit::Signal(_)));
    (was_stopped && now >= task.deadline()?).then_some(limit)
}

const fn verdict(
    state: TaskState,
    source: Source,
    reason: Option<Reason>,
    message: String,
) -> Verdict {
    Verdict {
        state,
        source,
        reason,
        message,
        exit: None,
        started: None,
    }
}

const fn failed(source: Source, reason: Option<Reason>, message: String) -> Verdict {
    verdict(TaskState::Failed, source, reason, message)
}

fn killed_during_launch() -> Verdict {
    verdict(
        TaskState::Killed,
        Source::Agent,
        Some(Reason::TaskKilledDuringLaunch),
        "the task was killed before it was started".to_owned(),
    )
}

fn describe(task: &Task, end: &End) -> String {
    if !end.message.is_empty() {
        return end.message.clone();
    }
    let subject = match task.record.kind {
        TaskKind::Native => "Command",
        TaskKind::Wasm => "Module",
    };
    match end.exit {
        Some(Exit::Code(code)) => format!("{subject} exited with status {code}"),
        Some(Exit::Signal(number)) => {
            format!("{subject} terminated with signal {}", signal_name(number))
        }
        None => format!("{subject} ended, and nobody knows how"),
    }
}

/// The description that Linux' C library gives of a signal, which is what Mesos shows.
fn signal_name(number: i32) -> String {
    let name = match number {
        1 => "Hangup",
        2 => "Interrupt",
        3 => "Quit",
        4 => "Illegal instruction",
        5 => "Trace/breakpoint trap",
        6 => "Aborted",
        7 => "Bus error",
        8 => "Floating point exception",
        9 => "Killed",
        10 => "User defined signal 1",
        11 => "Segmentation fault",
        12 => "User defined signal 2",
        13 => "Broken pipe",
        14 => "Alarm clock",
        15 => "Terminated",
        24 => "CPU time limit exceeded",
        25 => "File size limit exceeded",
        31 => "Bad system call",
        other => return other.to_string(),
    };
    name.to_owned()
}
