//! Tasks that are not yet history.

pub(crate) mod finish;
pub(crate) mod status;
pub(crate) mod transition;

use std::collections::BTreeMap;
use std::ops::Bound;

use insula_types::record::TaskRow;
use insula_types::{LaunchId, TaskId, TaskState, UpdateUuid};

use crate::allocator::{AgentKey, FrameworkIdx};

/// One start of a task.
#[derive(Debug)]
pub(crate) struct Task {
    /// Exactly what is persisted.
    pub(crate) row: TaskRow,
    pub(crate) framework: FrameworkIdx,
    pub(crate) agent: AgentKey,
    /// The non-terminal update in the row was acknowledged. That needs no row of its own (rule R26):
    /// after a load the agent says which update it still waits with, and an update that comes again
    /// is forwarded again.
    pub(crate) acked: bool,
}

impl Task {
    /// The update that waits for its framework's acknowledgement.
    pub(crate) fn pending(&self) -> Option<UpdateUuid> {
        self.row.status.uuid.filter(|_| !self.acked)
    }

    /// Whether its framework can still name it: it lives, or its end is not yet acknowledged.
    pub(crate) fn is_visible(&self) -> bool {
        !self.row.status.state.is_terminal() || self.row.status.uuid.is_some()
    }

    /// The highest number among its commands.
    pub(crate) fn last_seq(&self) -> u64 {
        let ack = self.row.ack.map_or(0, |(seq, _)| seq);
        self.row
            .launch_seq
            .max(self.row.kill_seq.unwrap_or(0))
            .max(ack)
    }
}

/// All tasks that are not archived, and which of them their frameworks can name.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    all: BTreeMap<LaunchId, Task>,
    names: BTreeMap<(FrameworkIdx, TaskId), LaunchId>,
    by_state: BTreeMap<TaskState, usize>,
}

impl Tasks {
    pub(crate) fn insert(&mut self, task: Task) {
        if task.is_visible() {
            let name = (task.framework, task.row.key.task.clone());
            self.names.insert(name, task.row.launch);
        }
        self.enters(task.row.status.state);
        self.all.insert(task.row.launch, task);
    }

    pub(crate) fn get(&self, launch: LaunchId) -> Option<&Task> {
        self.all.get(&launch)
    }

    pub(crate) fn get_mut(&mut self, launch: LaunchId) -> Option<&mut Task> {
        self.all.get_mut(&launch)
    }

    /// The start that a framework means by a task id.
    pub(crate) fn named(&self, framework: FrameworkIdx, task: &TaskId) -> Option<LaunchId> {
        self.names.get(&(framework, task.clone())).copied()
    }

    /// Lets the framework use the task's id again.
    pub(crate) fn hide(&mut self, launch: LaunchId) {
        let Some(task) = self.all.get(&launch) else {
            return;
        };
        let name = (task.framework, task.row.key.task.clone());
        if self.names.get(&name) == Some(&launch) {
            self.names.remove(&name);
        }
    }

    pub(crate) fn remove(&mut self, launch: LaunchId) -> Option<Task> {
        self.hide(launch);
        let task = self.all.remove(&launch)?;
        self.leaves(task.row.status.state);
        Some(task)
    }

    /// Counts a change of one task's state, whose row the caller has changed.
    pub(crate) fn moved(&mut self, before: TaskState, after: TaskState) {
        self.leaves(before);
        self.enters(after);
    }

    fn enters(&mut self, state: TaskState) {
        *self.by_state.entry(state).or_default() += 1;
    }

    fn leaves(&mut self, state: TaskState) {
        if let Some(count) = self.by_state.get_mut(&state) {
            *count -= 1;
        }
    }

    /// How many are in each state.
    pub(crate) fn by_state(&self) -> &BTreeMap<TaskState, usize> {
        &self.by_state
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Task> {
        self.all.values()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = (&(FrameworkIdx, TaskId), &LaunchId)> {
        self.names.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}

/// The members of a set of launches that follow `after`, in order; what a slice of long work takes
/// up where the last one ended.
pub(crate) fn following(
    launches: &std::collections::BTreeSet<LaunchId>,
    after: Option<LaunchId>,
    count: usize,
) -> Vec<LaunchId> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    launches
        .range((from, Bound::Unbounded))
        .take(count)
        .copied()
        .collect()
}
