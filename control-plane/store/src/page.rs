//! Lists for the API, a page at a time (rule R13).

use insula_types::{AgentId, FrameworkId, Span, TaskId, TenantId};

use crate::CommitNo;

/// Most rows of one page, whatever was asked for: a page of tasks stays within a few megabytes.
pub const PAGE_ROWS_MAX: usize = 1_000;

/// Some rows of a list, all of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in the order of the list.
    pub rows: Vec<T>,
    /// Whether the list goes on after the last of them; its key is where the next page starts.
    pub more: bool,
    /// The commit that the snapshot shows: joining the events of later commits misses nothing.
    pub as_of: CommitNo,
}

/// Which part of a tenant's, or everybody's, tasks is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskGroup {
    /// Those that have not ended.
    Active,
    /// Those that have ended, as far as history is kept.
    Completed,
}

/// Which tasks are wanted; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only this tenant's.
    pub tenant: Option<TenantId>,
    /// Only those of frameworks with this id (an id is unique within a tenant only).
    pub framework: Option<FrameworkId>,
    /// Only those that run or ran on this agent.
    pub agent: Option<AgentId>,
    /// Only starts of this task id (an id is unique within a framework only).
    pub task: Option<TaskId>,
    /// Only this part.
    pub group: Option<TaskGroup>,
    /// Only task ids that start with this text.
    pub task_prefix: Option<String>,
}

/// How much history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Ended tasks per framework, the newest first (Mesos: 1000).
    pub tasks_per_framework: u32,
    /// Removed frameworks whose tasks are kept, the newest first (Mesos: 50).
    pub removed_frameworks: u32,
    /// How long a task is kept after its end, by the database's clock; for ever if nothing is said.
    pub age_max: Option<Span>,
    /// Most tasks that are removed in one transaction, so that no commit waits long behind it.
    pub slice: usize,
}

impl Retention {
    pub(crate) fn age_max_micros(&self) -> Option<i64> {
        self.age_max
            .map(|age| i64::try_from(age.0).unwrap_or(i64::MAX))
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            tasks_per_framework: 1_000,
            removed_frameworks: 50,
            age_max: None,
            slice: 1_000,
        }
    }
}

/// Cuts off the row that was read beyond the page to learn whether the list goes on.
pub(crate) fn cut<T>(mut rows: Vec<T>, limit: usize, as_of: CommitNo) -> Page<T> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    Page { rows, more, as_of }
}
