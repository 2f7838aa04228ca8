//! What the shepherd says, as inputs of the core.

use insula_agent_core::{End, EndCause, Input};
use insula_types::task::Exit;
use insula_types::{LaunchId, Time};

use crate::shepherd::{Exited, Kind, StartFailed, Started, Status, TaskState};

/// Nothing for executors, and for ids that this agent did not give.
pub(super) fn input(state: TaskState) -> Option<Input> {
    let launch: LaunchId = state.id().parse().ok()?;
    match state {
        TaskState::Started(Started {
            kind: Kind::Task,
            at_us,
            ..
        }) => Some(Input::Started {
            launch,
            at: Some(Time(at_us)),
        }),
        TaskState::StartFailed(StartFailed {
            kind: Kind::Task,
            error,
            ..
        }) => Some(Input::StartFailed {
            launch,
            sentence: error,
        }),
        TaskState::Exited(exited) if exited.kind == Kind::Task => Some(Input::Ended {
            launch,
            end: ended(exited),
        }),
        _ => None,
    }
}

fn ended(exited: Exited) -> End {
    let exit = match exited.status {
        Status::Code(code) => Some(Exit::Code(code)),
        Status::Signal(signal) => Some(Exit::Signal(signal)),
        Status::Lost { .. } => None,
    };
    let failed = exit != Some(Exit::Code(0));
    let (cause, message) = match exited.status {
        Status::Lost { because } => (EndCause::Lost, because),
        // A limit that the task met and got over is not why it ended.
        _ if failed && exited.oom_killed => (
            EndCause::MemoryLimit,
            format!(
                "the task used more memory than it was given; at most it was {} MiB",
                exited.memory_peak_bytes >> 20
            ),
        ),
        _ if failed && exited.pids_limit_hit => (
            EndCause::Exit,
            "the task failed after it was refused another process: it has as many as a task may"
                .to_owned(),
        ),
        _ => (EndCause::Exit, String::new()),
    };
    End {
        exit,
        cause,
        message,
        at: Time(exited.at_us),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use insula_types::{Epoch, TraceContext};

    fn exited(id: &str, kind: Kind, status: Status, oom_killed: bool) -> TaskState {
        TaskState::Exited(Exited {
            id: id.to_owned(),
            kind,
            status,
            oom_killed,
            pids_limit_hit: false,
            cpu_us: 0,
            memory_peak_bytes: 64 << 20,
            at_us: 9,
            trace: TraceContext::start(1, 2, true),
        })
    }

    fn end(state: TaskState) -> End {
        let Some(Input::Ended { launch, end }) = input(state) else {
            panic!("no end")
        };
        assert_eq!(
            launch,
            LaunchId {
                epoch: Epoch(0x1f),
                number: 3
            }
        );
        end
    }

    #[test]
    fn an_exit_is_told_as_it_was() {
        let end = end(exited("1f.3", Kind::Task, Status::Code(4), false));
        assert_eq!((end.exit, end.cause), (Some(Exit::Code(4)), EndCause::Exit));
        assert_eq!((end.message.as_str(), end.at), ("", Time(9)));
    }

    #[test]
    fn only_a_task_that_died_of_its_limit_failed_because_of_it() {
        let killed = end(exited("1f.3", Kind::Task, Status::Signal(9), true));
        assert_eq!(killed.cause, EndCause::MemoryLimit);
        assert!(killed.message.contains("64 MiB"));
        let fine = end(exited("1f.3", Kind::Task, Status::Code(0), true));
        assert_eq!(fine.cause, EndCause::Exit);
    }

    #[test]
    fn a_lost_process_has_no_exit() {
        let because = "its shepherd died".to_owned();
        let lost = end(exited("1f.3", Kind::Task, Status::Lost { because }, false));
        assert_eq!((lost.exit, lost.cause), (None, EndCause::Lost));
    }

    #[test]
    fn executors_and_foreign_ids_are_no_tasks() {
        assert_eq!(
            input(exited("1f.3", Kind::Executor, Status::Code(0), false)),
            None
        );
        assert_eq!(input(exited("x", Kind::Task, Status::Code(0), false)), None);
    }
}
