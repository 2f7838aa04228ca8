//! Whatever is repeated, lost or taken over: a task is launched as often as its framework asked.

use std::collections::{BTreeMap, BTreeSet};

use insula_types::framework::BUILT_IN;
use insula_types::record::TaskRow;
use insula_types::{CellId, FrameworkKey, LaunchId, TaskId};

use super::{Violation, must};

/// How often each task was asked for, and how often it was accepted.
#[derive(Debug, Default)]
pub(crate) struct Launches {
    asked: BTreeMap<(FrameworkKey, TaskId), u64>,
    accepted: BTreeMap<(FrameworkKey, TaskId), BTreeSet<(CellId, LaunchId)>>,
}

impl Launches {
    pub(crate) fn are_asked_for(&mut self, framework: &FrameworkKey, task: &TaskId) {
        let key = (framework.clone(), task.clone());
        *self.asked.entry(key).or_default() += 1;
    }

    /// A row of a task that was not asked for again has the launch that it always had.
    pub(crate) fn are_not_more_than_asked_for(
        &mut self,
        cell: &CellId,
        row: &TaskRow,
    ) -> Result<(), Violation> {
        if row.key.framework.framework.as_str() == BUILT_IN {
            return Ok(());
        }
        let key = (row.key.framework.clone(), row.key.task.clone());
        let asked = self.asked.get(&key).copied().unwrap_or(0);
        let accepted = self.accepted.entry(key).or_default();
        accepted.insert((cell.clone(), row.launch));
        must(
            accepted.len() as u64 <= asked,
            "a task is launched as often as it was asked for",
            || {
                format!(
                    "{} was asked for {asked} times and has {accepted:?}",
                    row.key
                )
            },
        )
    }
}
