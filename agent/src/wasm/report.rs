//! What executors say of tasks, as inputs of the core.

use insula_agent_core::{End, EndCause, Input};
use insula_proto::insula::wasm::v1::{Reason, TaskState, Update};
use insula_types::task::Exit;
use insula_types::{LaunchId, Time};

/// Nothing for a task that only waits, and for a state that this version does not know.
pub(super) fn input(launch: LaunchId, update: Update) -> Option<Input> {
    match update.state() {
        TaskState::Unspecified | TaskState::Queued => None,
        TaskState::Running => Some(Input::Started {
            launch,
            at: Some(at(&update)).filter(|at| at.0 > 0),
        }),
        TaskState::Failed if update.reason() == Reason::StartFailed => Some(Input::StartFailed {
            launch,
            sentence: update.message,
        }),
        TaskState::Finished | TaskState::Failed | TaskState::Killed => Some(Input::Ended {
            launch,
            end: end(update),
        }),
    }
}

fn end(update: Update) -> End {
    let cause = match update.reason() {
        Reason::Exit => EndCause::Exit,
        Reason::Trap => EndCause::Trap,
        Reason::MemoryLimit => EndCause::MemoryLimit,
        Reason::WallTime => EndCause::TimeLimit,
        Reason::Killed => EndCause::Killed,
        Reason::Unspecified | Reason::StartFailed | Reason::UnknownLaunch => EndCause::Lost,
    };
    let at = at(&update);
    End {
        exit: update.exit_code.map(Exit::Code),
        cause,
        message: message(&update),
        at,
    }
}

/// When the state was entered.
fn at(update: &Update) -> Time {
    Time(u64::try_from(update.at_unix_us).unwrap_or(0))
}

/// The sentence, and where in the guest it happened, innermost first.
fn message(update: &Update) -> String {
    let places = update
        .backtrace
        .iter()
        .map(|function| format!("\n  in {function}"));
    [update.message.clone()].into_iter().chain(places).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use insula_types::Epoch;

    const LAUNCH: LaunchId = LaunchId {
        epoch: Epoch(1),
        number: 1,
    };

    fn update(state: TaskState, reason: Reason) -> Update {
        Update {
            state: state.into(),
            reason: reason.into(),
            at_unix_us: 5,
            ..Update::default()
        }
    }

    #[test]
    fn a_trap_tells_where_it_was() {
        let trap = Update {
            message: "wasm trap: integer divide by zero".to_owned(),
            backtrace: vec!["divide".to_owned(), "main".to_owned()],
            ..update(TaskState::Failed, Reason::Trap)
        };
        let Some(Input::Ended { end, .. }) = input(LAUNCH, trap) else {
            panic!("no end")
        };
        assert_eq!(end.cause, EndCause::Trap);
        assert_eq!(
            end.message,
            "wasm trap: integer divide by zero\n  in divide\n  in main"
        );
    }

    #[test]
    fn an_exit_code_is_kept() {
        let exit = Update {
            exit_code: Some(3),
            ..update(TaskState::Failed, Reason::Exit)
        };
        let Some(Input::Ended { end, .. }) = input(LAUNCH, exit) else {
            panic!("no end")
        };
        assert_eq!(
            (end.exit, end.cause, end.at),
            (Some(Exit::Code(3)), EndCause::Exit, Time(5))
        );
    }

    #[test]
    fn waiting_is_no_news_and_a_failed_start_is_no_end() {
        assert_eq!(
            input(LAUNCH, update(TaskState::Queued, Reason::Unspecified)),
            None
        );
        let failed = update(TaskState::Failed, Reason::StartFailed);
        assert!(matches!(
            input(LAUNCH, failed),
            Some(Input::StartFailed { .. })
        ));
    }
}
