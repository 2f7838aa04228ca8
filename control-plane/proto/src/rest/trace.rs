//! What happened to a task, start by start and step by step.

use insula_types::task::Exit;
use serde::{Deserialize, Serialize};

use super::TaskPhase;

/// `GET /v1/tasks/{id}/trace`. Times are microseconds since the unix epoch, by the control plane's
/// clock unless it is said otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trace {
    /// The task's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The framework's id; `insula` for the built-in one.
    pub framework: String,
    /// `native` or `wasm`.
    pub kind: String,
    /// What it uses.
    pub resources: String,
    /// When this was told: so far what is under way has come.
    pub at: u64,
    /// Whether there are starts before the first that is told here.
    #[serde(default)]
    pub earlier: bool,
    /// Its starts, oldest first; the last may be one that still waits for an offer.
    pub starts: Vec<TraceStart>,
}

/// One start of a task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TraceStart {
    /// Names the start; absent while it waits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub launch: Option<String>,
    /// How often the task was started before.
    pub attempt: u32,
    /// The agent's id; absent while it waits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<String>,
    /// The machine's name, if the agent is still known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hostname: Option<String>,
    /// Where it stands.
    pub phase: TaskPhase,
    /// The Mesos state; `TASK_STAGING` while it waits.
    pub state: String,
    /// The Mesos reason, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The status' message; may be empty.
    #[serde(default)]
    pub message: String,
    /// How the process ended, if it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit: Option<Exit>,
    /// The trace, 32 hex digits; empty if there is none.
    #[serde(default)]
    pub trace_id: String,
    /// The task's own span, which is the parent of all others, 16 hex digits; empty if there is none.
    #[serde(default)]
    pub span_id: String,
    /// The span of whoever asked for the task, in the same trace.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub caller: Option<String>,
    /// The first start's own trace, which this one is linked to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first: Option<TraceLink>,
    /// The recorded timeline, in order. Complete, whether the trace is sampled or not.
    pub steps: Vec<TraceStep>,
    /// What was decided on the way, and what must be known of the timeline.
    #[serde(default)]
    pub notes: Vec<TraceNote>,
    /// The spans that the answering replica still remembers, by when they began.
    #[serde(default)]
    pub spans: Vec<TraceSpan>,
}

/// A span in another trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLink {
    /// That trace, 32 hex digits.
    pub trace_id: String,
    /// The span in it, 16 hex digits.
    pub span_id: String,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// As it should.
    Ok,
    /// The task ended badly in it.
    Failed,
    /// It has not ended.
    UnderWay,
}

/// A part of the time that a task took.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TraceStep {
    /// What was going on.
    pub name: String,
    /// When it began.
    pub from: u64,
    /// When it ended; absent if it has not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<u64>,
    /// Whom it waited for: `control plane`, `agent NAME` or `framework`.
    #[serde(rename = "where")]
    pub place: String,
    /// How it went.
    pub status: StepStatus,
    /// For people; may be empty.
    #[serde(default)]
    pub detail: String,
}

/// A sentence about a start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceNote {
    /// When it became true; absent if it is about the whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<u64>,
    /// The sentence.
    pub text: String,
}

/// A span as it is exported, with the names of OpenTelemetry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceSpan {
    /// What it stands for.
    pub name: String,
    /// `internal`, `server`, `client`, `producer` or `consumer`.
    pub kind: String,
    /// Its id, 16 hex digits.
    pub span_id: String,
    /// The id of the span that it is part of; absent if it is part of none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<String>,
    /// When it began, by the process' own clock.
    pub from: u64,
    /// When it ended, by the same clock.
    pub until: u64,
    /// Its attributes.
    #[serde(default)]
    pub attributes: Vec<(String, String)>,
    /// What went wrong, if something did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}
