//! What agent and shepherd say to each other, one JSON value per line.
//!
//! A shepherd outlives agents of its own and of the next version: fields may be added with a default, and are ignored
//! by who does not know them. A new request is only for a shepherd that says that it understands it
//! ([`Welcome::requests`]). Anything else needs a new [`VERSION`].
//!
//! Every line says which trace it belongs to: that of the task it is about, else of what caused it.

use std::path::PathBuf;

use insula_isolation::cgroup::{Enforcement, GroupName};
use insula_isolation::process::Identity;
use insula_types::TraceContext;
use serde::{Deserialize, Serialize};

/// The version that this code speaks.
pub const VERSION: u32 = 1;

/// Which requests this code understands: 0 is what shepherds understood before they said so, 1 adds
/// [`Request::Leave`].
pub const REQUESTS: u32 = 1;

/// From the agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// The first line of a connection; answered by [`Event::Welcome`].
    Hello {
        /// What the agent speaks.
        version: u32,
        /// That of the agent's life.
        #[serde(default, skip_serializing_if = "TraceContext::is_empty")]
        trace: TraceContext,
    },
    /// Start a task; answered by its state.
    Start(Box<StartSpec>),
    /// End a task. Repeated with a shorter grace it ends sooner; a longer one changes nothing.
    Kill {
        /// Which task.
        id: String,
        /// Milliseconds from `SIGTERM` to `SIGKILL`; 0 kills at once.
        grace_ms: u64,
        /// The task's.
        #[serde(default, skip_serializing_if = "TraceContext::is_empty")]
        trace: TraceContext,
    },
    /// The agent has the end of this task on disk. Ignored while the task runs.
    Forget {
        /// Which task.
        id: String,
        /// The task's.
        #[serde(default, skip_serializing_if = "TraceContext::is_empty")]
        trace: TraceContext,
    },
    /// As [`Request::Leave`]: what agents say to a former shepherd, and former agents to any.
    Shutdown,
    /// Kill everything at once, tell the ends, and go.
    Leave {
        /// That of the agent's life.
        #[serde(default, skip_serializing_if = "TraceContext::is_empty")]
        trace: TraceContext,
    },
}

/// What to start, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartSpec {
    /// The launch id: up to 256 bytes, never used for anything else.
    pub id: String,
    /// What it is to the agent; the shepherd only repeats it.
    pub kind: Kind,
    /// The program.
    pub run: Run,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// The working directory; it must exist.
    pub cwd: PathBuf,
    /// Standard input.
    pub stdin: Stdin,
    /// The file that standard output is appended to.
    pub stdout: PathBuf,
    /// The file that standard error is appended to.
    pub stderr: PathBuf,
    /// What it may use.
    pub limits: Limits,
    /// The user to run as, by name; the shepherd's own if `None`.
    pub user: Option<String>,
    /// The name of its control group below the shepherd's parent group.
    pub cgroup: GroupName,
    /// The task's; of an executor, that of the task for which it is started.
    #[serde(default, skip_serializing_if = "TraceContext::is_empty")]
    pub trace: TraceContext,
}

/// What a process is to the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A command task.
    Task,
    /// An executor, which runs tasks of its own.
    Executor,
}

/// The program of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Run {
    /// A program and its arguments. Without `/` it is looked up in the `PATH` of the environment.
    Argv(Vec<String>),
    /// A text for `/bin/sh -c`.
    Shell(String),
}

/// Where standard input comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdin {
    /// `/dev/null`.
    Null,
    /// A FIFO that the agent holds open for writing.
    Fifo(PathBuf),
}

/// What a task may use; `None` leaves that free. What this machine cannot enforce is left out
/// ([`Welcome::enforced`] says what).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Thousandths of a processor asked for: the weight against other tasks.
    pub cpu_millis: Option<u64>,
    /// Thousandths of a processor that cannot be exceeded. It needs `cpu_millis` beside it.
    pub cpu_quota_millis: Option<u64>,
    /// Bytes of memory.
    pub mem_bytes: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// From the shepherd.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The first line of a connection.
    Welcome(Welcome),
    /// A task's state changed, or was asked for again.
    Task(TaskState),
    /// A [`Request::Kill`] names a task that is not known: it never started here, or was forgotten.
    Unknown {
        /// The id.
        id: String,
        /// That of the request.
        #[serde(default, skip_serializing_if = "TraceContext::is_empty")]
        trace: TraceContext,
    },
    /// A line was not understood, and nothing was done.
    Refused {
        /// Why, as a sentence.
        because: String,
        /// That of the request, or of the agent's life if it could not be read.
        #[serde(default, skip_serializing_if = "TraceContext::is_empty")]
        trace: TraceContext,
    },
}

/// Who answers, and all it knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// What the shepherd speaks.
    pub version: u32,
    /// Its process.
    pub shepherd: Identity,
    /// What limits hold on this machine.
    pub enforced: Enforced,
    /// Every task that was not forgotten, in the order of their ids.
    pub tasks: Vec<TaskState>,
    /// Which requests it understands; see [`REQUESTS`].
    #[serde(default)]
    pub requests: u32,
    /// That of the agent's hello.
    #[serde(default, skip_serializing_if = "TraceContext::is_empty")]
    pub trace: TraceContext,
}

/// Which limits hold on this machine, and why others do not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforced {
    /// Whether each task has a control group, from which no process escapes.
    pub grouping: Enforcement,
    /// Weight and quota of processor time.
    pub cpu: Enforcement,
    /// Memory.
    pub memory: Enforcement,
    /// Number of processes.
    pub pids: Enforcement,
}

/// The state of a task is the last thing that happened to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// It runs.
    Started(Started),
    /// It never ran.
    StartFailed(StartFailed),
    /// It ran, and nothing of it is left.
    Exited(Exited),
}

impl TaskState {
    /// The task's id.
    pub fn id(&self) -> &str {
        match self {
            TaskState::Started(Started { id, .. })
            | TaskState::StartFailed(StartFailed { id, .. })
            | TaskState::Exited(Exited { id, .. }) => id,
        }
    }

    /// The task's trace.
    pub fn trace(&self) -> &TraceContext {
        match self {
            TaskState::Started(Started { trace, .. })
            | TaskState::StartFailed(StartFailed { trace, .. })
            | TaskState::Exited(Exited { trace, .. }) => trace,
        }
    }
}

/// A task that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The task.
    pub id: String,
    /// What it is to the agent.
    pub kind: Kind,
    /// Its main process, which leads a session and a process group.
    pub process: Identity,
    /// When, in microseconds since 1970 by the machine's clock.
    pub at_us: u64,
    /// The task's.
    #[serde(default, skip_serializing_if = "TraceContext::is_empty")]
    pub trace: TraceContext,
}

/// A task that could not be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFailed {
    /// The task.
    pub id: String,
    /// What it is to the agent.
    pub kind: Kind,
    /// What failed and why, as a sentence.
    pub error: String,
    /// The task's.
    #[serde(default, skip_serializing_if = "TraceContext::is_empty")]
    pub trace: TraceContext,
}

/// A task that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exited {
    /// The task.
    pub id: String,
    /// What it is to the agent.
    pub kind: Kind,
    /// How its main process ended.
    pub status: Status,
    /// Whether the kernel killed something of it for want of memory.
    pub oom_killed: bool,
    /// Whether a fork of it was refused because of its limit.
    pub pids_limit_hit: bool,
    /// Microseconds of processor time: of all its processes where they had a control group, else of the main process
    /// and those that it waited for.
    pub cpu_us: u64,
    /// The most bytes of memory at once: of all its processes where they had a memory group, else of the largest one.
    pub memory_peak_bytes: u64,
    /// When, in microseconds since 1970 by the machine's clock.
    pub at_us: u64,
    /// The task's.
    #[serde(default, skip_serializing_if = "TraceContext::is_empty")]
    pub trace: TraceContext,
}

/// How a main process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// By itself, with this code, 0 to 255.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Nobody could wait for it.
    Lost {
        /// Why, as a sentence.
        because: String,
    },
}
