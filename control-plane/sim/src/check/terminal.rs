//! A framework never sees an ended task change.

use insula_types::{Reason, TaskState, TaskStatus};

use super::{Violation, must};

/// What a framework was told of one task.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    ended: Option<TaskState>,
    /// The framework has launched under this id again while it believed the task to live: what it
    /// hears may be of either.
    ambiguous: bool,
}

impl Told {
    pub(crate) fn launched_again(&mut self) {
        self.ambiguous = true;
    }

    /// Once an end was told, every status tells the same one; only a reconciliation may say that the
    /// task, whose end was acknowledged, is not known any more.
    ///
    /// `TASK_LOST` ends nothing for a framework that is not partition-aware: it is also what an
    /// unreachable task looks like, which may come back (rule R21).
    pub(crate) fn an_ended_task_never_changes(
        &mut self,
        status: &TaskStatus,
        partition_aware: bool,
    ) -> Result<(), Violation> {
        if self.ambiguous {
            return Ok(());
        }
        let state = status.state;
        if let Some(ended) = self.ended {
            let forgotten = status.uuid.is_none()
                && status.reason == Some(Reason::Reconciliation)
                && matches!(
                    state,
                    TaskState::Unknown | TaskState::Gone | TaskState::Lost | TaskState::Unreachable
                );
            return must(
                state == ended || forgotten,
                "a framework never sees an ended task change",
                || format!("{} was {ended} and is {state}", status.task),
            );
        }
        if state.is_terminal() && (partition_aware || state != TaskState::Lost) {
            self.ended = Some(state);
        }
        Ok(())
    }
}
