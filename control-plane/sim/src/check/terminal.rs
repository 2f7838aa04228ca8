//! A framework never sees an ended task change.

use insula_types::record::TaskRow;
use insula_types::{LaunchId, Reason, Source, TaskKey, TaskState, TaskStatus};

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

/// While a process runs, nothing that its agent is said to have told is its end.
pub(crate) fn an_end_is_told_of_what_has_ended<'a>(
    row: &TaskRow,
    mut running: impl Iterator<Item = (LaunchId, &'a TaskKey)>,
) -> Result<(), Violation> {
    let told = row.status.source != Source::Master && row.status.state.is_terminal();
    must(
        !told || running.all(|(launch, _)| launch != row.launch),
        "no end is told of a task that runs",
        || format!("{} is {} and runs", row.key, row.status.state),
    )
}
