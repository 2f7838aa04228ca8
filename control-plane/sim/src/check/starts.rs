//! What runs, runs once (rule R23).

use std::collections::BTreeSet;

use insula_types::record::TaskRow;
use insula_types::{CellId, LaunchId, TaskKey, TaskState};

use super::{Violation, must};

/// All launches that ever started, on any machine.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    started: BTreeSet<(CellId, LaunchId)>,
}

impl Starts {
    /// A launch id starts once, anywhere, and no other launch of the same task of the same framework
    /// runs at the time: its id would have been refused.
    pub(crate) fn a_launch_starts_once<'a>(
        &mut self,
        cell: &CellId,
        launch: LaunchId,
        key: &TaskKey,
        running: impl Iterator<Item = (LaunchId, &'a TaskKey)>,
    ) -> Result<(), Violation> {
        must(
            self.started.insert((cell.clone(), launch)),
            "a launch id starts once",
            || format!("{launch} starts again"),
        )?;
        for (other, its_key) in running {
            must(
                other == launch || its_key != key,
                "a task runs once per framework",
                || format!("{key} starts as {launch} and runs as {other}"),
            )?;
        }
        Ok(())
    }

    /// A task that is said to have done its work was started.
    pub(crate) fn only_what_started_finishes(
        &self,
        cell: &CellId,
        row: &TaskRow,
    ) -> Result<(), Violation> {
        let started = self.started.contains(&(cell.clone(), row.launch));
        must(
            started || row.status.state != TaskState::Finished,
            "only what started finishes",
            || format!("{} finished and was never started", row.key),
        )
    }

    pub(crate) fn count(&self) -> usize {
        self.started.len()
    }
}
