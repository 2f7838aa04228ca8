//! Which state may follow which.

use insula_types::TaskState;

/// What an update does to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transition {
    /// The task is in the new state.
    Applied,
    /// The task has ended: its state never changes again.
    Ended,
    /// The new state cannot follow the old one; the task keeps the old one.
    Refused,
}

/// Decides what a reported state does to a task in the state `from`.
///
/// `TASK_STAGING` is given by the kernel alone, at the accept; `TASK_UNKNOWN` is an answer and never
/// a state of a task. `TASK_UNREACHABLE` is the kernel's word as well, and any state may follow it,
/// since the task went on while nobody could hear of it.
pub(crate) fn transition(from: TaskState, to: TaskState) -> Transition {
    use TaskState as S;
    match (from, to) {
        (
            S::Finished
            | S::Failed
            | S::Killed
            | S::Error
            | S::Lost
            | S::Dropped
            | S::Gone
            | S::GoneByOperator,
            _,
        ) => Transition::Ended,
        (S::Unknown, _) | (_, S::Unknown) => Transition::Refused,
        (S::Unreachable, S::Unreachable) => Transition::Refused,
        (S::Staging | S::Starting | S::Running | S::Killing, S::Unreachable) => Transition::Applied,
        (S::Unreachable, S::Staging) => Transition::Applied,
        (S::Staging | S::Starting | S::Running | S::Killing, S::Staging) => Transition::Refused,
        (S::Staging | S::Starting | S::Unreachable, S::Starting) => Transition::Applied,
        (S::Running | S::Killing, S::Starting) => Transition::Refused,
        (S::Staging | S::Starting | S::Running | S::Unreachable, S::Running) => Transition::Applied,
        (S::Killing, S::Running) => Transition::Refused,
        (S::Staging | S::Starting | S::Running | S::Killing | S::Unreachable, S::Killing) => {
            Transition::Applied
        }
        (
            S::Staging | S::Starting | S::Running | S::Killing | S::Unreachable,
            S::Finished
            | S::Failed
            | S::Killed
            | S::Error
            | S::Lost
            | S::Dropped
            | S::Gone
            | S::GoneByOperator,
        ) => Transition::Applied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_state_is_never_left() {
        for from in TaskState::ALL.iter().filter(|state| state.is_terminal()) {
            for to in TaskState::ALL {
                assert_eq!(transition(*from, *to), Transition::Ended, "{from} to {to}");
            }
        }
    }

    #[test]
    fn every_task_can_end() {
        let open = [
            TaskState::Staging,
            TaskState::Starting,
            TaskState::Running,
            TaskState::Killing,
            TaskState::Unreachable,
        ];
        for from in open {
            for to in TaskState::ALL.iter().filter(|state| state.is_terminal()) {
                assert_eq!(transition(from, *to), Transition::Applied, "{from} to {to}");
            }
        }
    }

    #[test]
    fn a_task_never_goes_back_while_its_agent_is_heard() {
        use TaskState as S;
        for (from, to) in [
            (S::Running, S::Starting),
            (S::Killing, S::Running),
            (S::Running, S::Staging),
        ] {
            assert_eq!(transition(from, to), Transition::Refused, "{from} to {to}");
        }
        assert_eq!(transition(S::Unreachable, S::Running), Transition::Applied);
    }
}
