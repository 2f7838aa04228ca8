//! The facts that a run leaves.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::State;

/// Something that a framework did or saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, in microseconds since the run began, by a clock that never jumps.
    pub at_us: u64,
    /// The framework's name.
    pub framework: String,
    /// What.
    #[serde(flatten)]
    pub what: Seen,
}

/// What a framework can do and see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "snake_case")]
pub enum Seen {
    /// A subscription succeeded.
    Subscribed {
        /// The framework's id.
        id: String,
    },
    /// Its event stream ended, or fell silent for too long.
    StreamEnded {
        /// Why, for people.
        why: String,
    },
    /// An offer came.
    Offered {
        /// Its id.
        offer: String,
        /// Whose resources.
        agent: String,
    },
    /// An offer was withdrawn.
    Rescinded {
        /// Its id.
        offer: String,
    },
    /// It used an offer; written when the answer is known.
    Accepted {
        /// When the call was sent.
        sent_us: u64,
        /// The offer that it used.
        offer: String,
        /// The tasks that it launched with it.
        tasks: Vec<String>,
        /// Whether those tasks run until they are killed.
        endless: bool,
        /// What came back.
        answer: Answer,
    },
    /// It asked for the end of a task.
    Killed {
        /// Which.
        task: String,
        /// What came back.
        answer: Answer,
    },
    /// It asked how tasks are: those named, or all if none is named.
    Reconciled {
        /// Which.
        tasks: Vec<String>,
        /// What came back.
        answer: Answer,
    },
    /// A status update came.
    Updated {
        /// Which task.
        task: String,
        /// Its state now.
        state: State,
        /// Names an update that is delivered until it is acknowledged.
        uuid: Option<String>,
        /// The Mesos reason, if any.
        reason: String,
        /// For people.
        message: String,
        /// Whether the task's process lived at that moment; unknown for one that never started.
        alive: Option<bool>,
    },
    /// It acknowledged an update.
    Acknowledged {
        /// Which task.
        task: String,
        /// Which update.
        uuid: String,
        /// What came back.
        answer: Answer,
    },
}

/// What came back for a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// `202 Accepted`.
    Taken,
    /// Any other status: the call was certainly not applied.
    Refused {
        /// The status.
        status: u16,
        /// The body.
        text: String,
    },
    /// No connection was made.
    NotSent,
    /// The connection broke, or nothing came in time: it may have been applied or not.
    Unknown,
}

/// A line that a task wrote when its process began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The task.
    pub task: String,
    /// Its launch id.
    pub launch: String,
    /// Its process.
    pub pid: u32,
}

/// A line that a task wrote before its process ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The task.
    pub task: String,
    /// Its launch id.
    pub launch: String,
}

/// A start of a task as it stands in the database at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The framework's id.
    pub framework: String,
    /// The task.
    pub task: String,
    /// Its state.
    pub state: State,
}

/// What the run did to the machines themselves, which is what may make tasks unreachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outages {
    /// Only the control plane, its services and the network among them were disturbed: nobody may be
    /// declared unreachable (rule R24).
    #[default]
    OfOurs,
    /// Agents were really away for longer than the timeout.
    OfAgents,
}

/// What is known of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// It holds what it always held.
    All(Vec<Row>),
    /// There is none that could be asked.
    Unknown,
    /// It was put back to an older state: what it and the frameworks believe may differ, but nothing
    /// may run twice.
    PutBack,
}

/// All that is known of a run that has come to rest.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// What the frameworks did and saw, in order.
    pub entries: Vec<Entry>,
    /// Which processes began.
    pub starts: Vec<Start>,
    /// Which ended well.
    pub ends: Vec<End>,
    /// Tasks whose process still lives.
    pub alive: BTreeSet<String>,
    /// What was done to the agents.
    pub outages: Outages,
    /// What the database holds.
    pub rows: Rows,
}

impl Answer {
    /// Whether the call was certainly not applied.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::NotSent)
    }
}
