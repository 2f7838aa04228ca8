//! Tasks and their status.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{AgentId, ExecutorId, Reason, Source, TaskId, TaskState, Time, UpdateUuid};

/// How a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// A process of its own under the agent's shepherd.
    Native,
    /// A sandboxed module in the framework's wasm executor.
    Wasm,
}

impl TaskKind {
    /// The word used in rows, JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Wasm => "wasm",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Native, Self::Wasm]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl Exit {
    /// The code a shell would show: 128 plus the number for a signal.
    #[must_use]
    pub const fn shell_code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => signal.saturating_add(128),
        }
    }
}

/// One status of a task, as it is reported, stored and forwarded.
///
/// Only a status with a `uuid` is delivered until acknowledged (rule R21).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStatus {
    /// Which task of the framework.
    pub task: TaskId,
    /// Its state.
    pub state: TaskState,
    /// Who says so.
    pub source: Source,
    /// Why, where there is a why.
    pub reason: Option<Reason>,
    /// For people; empty if there is nothing to say.
    pub message: String,
    /// Where the task is or was.
    pub agent: Option<AgentId>,
    /// The executor it belongs to, if it named one.
    pub executor: Option<ExecutorId>,
    /// When, by the reporter's wall clock; for display only.
    pub at: Time,
    /// Set if the status must be acknowledged.
    pub uuid: Option<UpdateUuid>,
    /// How the process ended; only with a terminal state of a task that ran.
    pub exit: Option<Exit>,
    /// Since when the agent is out of reach; only with `TASK_UNREACHABLE` or its outward face.
    pub unreachable_since: Option<Time>,
    /// The executor's own bytes.
    pub data: Bytes,
    /// Fields of a Mesos `TaskStatus` that the kernel does not read (container status, labels,
    /// health), as an encoded `TaskStatus`; empty if there are none.
    pub extra: Bytes,
    /// When the task passed each step on its machine, as far as the agent knows. A task's row keeps it
    /// among its [`TaskTimes`], and not here.
    #[serde(default)]
    pub on_agent: AgentTimes,
}

impl TaskStatus {
    /// A status with only the fields that every status has.
    #[must_use]
    pub fn new(task: TaskId, state: TaskState, source: Source, at: Time) -> Self {
        Self {
            task,
            state,
            source,
            reason: None,
            message: String::new(),
            agent: None,
            executor: None,
            at,
            uuid: None,
            exit: None,
            unreachable_since: None,
            data: Bytes::new(),
            extra: Bytes::new(),
            on_agent: AgentTimes::default(),
        }
    }
}

/// When a task passed each step on its machine, by the machine's own wall clock: not comparable with
/// kernel time without care, and for display only. What is not known, or has not come, is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentTimes {
    /// When the launch arrived.
    pub received: Option<Time>,
    /// When it began to run.
    pub started: Option<Time>,
    /// When it ended, or could not be started.
    pub ended: Option<Time>,
}

impl AgentTimes {
    /// Takes over what is reported, and keeps what is not.
    pub fn learn(&mut self, reported: &Self) {
        self.received = reported.received.or(self.received);
        self.started = reported.started.or(self.started);
        self.ended = reported.ended.or(self.ended);
    }
}

/// When a task passed each hop, in kernel time except where an agent reports it (rule R31).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskTimes {
    /// When the request was stepped that the task was made for; only with the built-in framework.
    pub submitted: Option<Time>,
    /// When the accept was stepped.
    pub accepted: Time,
    /// When the first status that shows it started was stepped.
    pub started: Option<Time>,
    /// When the terminal status was stepped.
    pub ended: Option<Time>,
    /// When the acknowledgement of the terminal update was stepped; absent also if the terminal status
    /// was none that is acknowledged.
    #[serde(default)]
    pub acknowledged: Option<Time>,
    /// What the agent said.
    #[serde(default)]
    pub on_agent: AgentTimes,
}
