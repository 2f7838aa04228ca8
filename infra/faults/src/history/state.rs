//! States of a task, as a framework reads them.

use serde::{Deserialize, Serialize};

/// The state of a task, by its Mesos name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(String);

/// The task runs no more, and never will again.
const OVER: &[&str] = &[
    "TASK_FINISHED",
    "TASK_FAILED",
    "TASK_KILLED",
    "TASK_ERROR",
    "TASK_LOST",
    "TASK_DROPPED",
    "TASK_GONE",
    "TASK_GONE_BY_OPERATOR",
];

/// Says that nobody knows of such a task; only to a framework that is aware of partitions.
const UNKNOWN: &str = "TASK_UNKNOWN";
const UNREACHABLE: &str = "TASK_UNREACHABLE";
const FINISHED: &str = "TASK_FINISHED";
const RUNNING: &str = "TASK_RUNNING";

impl State {
    /// The state of that name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Whether the task is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        OVER.contains(&self.0.as_str())
    }

    /// Whether a framework may take it as the end: it is over, or unknown.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.is_over() || self.0 == UNKNOWN
    }

    /// Whether its agent is out of reach.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        self.0 == UNREACHABLE
    }

    /// Whether it ended well.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0 == FINISHED
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.0 == RUNNING
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}
