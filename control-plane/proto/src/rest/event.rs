//! What happened, one line each.

use serde::{Deserialize, Serialize};

/// An event, flat, so that `jq` and a table can both use it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Event {
    /// When, microseconds since the unix epoch.
    pub at: u64,
    /// The commit that made it true.
    pub commit: u64,
    /// What happened: `task_updated`, `agent_registered`, …
    pub event: String,
    /// Whom it concerns, where it concerns one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<String>,
    /// The framework, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub framework: Option<String>,
    /// The task, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task: Option<String>,
    /// The start of the task, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub launch: Option<String>,
    /// The task's new state, if it changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub state: Option<String>,
    /// The Mesos reason, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// What a decision rests on, as a word for programs: why a task waits (the `reason` of
    /// `GET /v1/tasks/{id}/why`), why offers were taken back, which call was refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub because: Option<String>,
    /// For people; may be empty.
    #[serde(default)]
    pub message: String,
    /// The trace, 32 hex digits; empty if none.
    #[serde(default)]
    pub trace_id: String,
}
