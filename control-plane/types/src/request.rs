//! What people submit to their tenant's built-in framework.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Resources, TaskId, TaskKind, TraceContext};

/// One task that waits for an offer that fits.
///
/// `payload` is an encoded Mesos `TaskInfo` without an agent id, as for any other framework's task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRequest {
    /// The id that the task will have, distinct among the tenant's requests and live tasks.
    pub task: TaskId,
    /// For people.
    pub name: String,
    /// How it runs.
    pub kind: TaskKind,
    /// What it needs.
    pub resources: Resources,
    /// Attributes that the agent must have, each with exactly this value.
    pub constraints: Vec<(String, String)>,
    /// How many more times it is started after it was lost or failed.
    pub retries: u32,
    /// The task description.
    pub payload: Bytes,
    /// The trace it belongs to.
    pub trace: TraceContext,
}
