//! What the caller decides.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use insula_proto::JoinToken;
use insula_types::Resources;

use crate::session::connect::KEEP_ALIVE;
use crate::shepherd::Program;

/// How an agent runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory of everything that it keeps; one agent at a time.
    pub work_dir: PathBuf,
    /// The token to join with; needed once. For a directory that has joined already, only its
    /// address counts: the service may have moved.
    pub join: Option<JoinToken>,
    /// What the machine offers; what it has, less something for itself, if `None`.
    pub resources: Option<Resources>,
    /// Free descriptions such as `rack=a7`.
    pub attributes: Vec<(String, String)>,
    /// The machine's name for people; its own if `None`.
    pub hostname: Option<String>,
    /// The program that becomes the shepherd: usually this one with the subcommand `shepherd`.
    pub shepherd: Program,
    /// What runs Wasm tasks, or a sentence saying why nothing does.
    pub wasm: Result<WasmPrograms, String>,
    /// The control groups that the machine's owner handed to Insula.
    pub cgroups: Cgroups,
    /// All tasks are killed when the agent has been gone for this long; if `None` they live on.
    pub die_with_agent: Option<Duration>,
    /// How long the control plane may be silent before it is asked for a sign of life; the connection
    /// is given up after as long again, and another one opened. Shorter than half of the time after
    /// which the control plane declares a silent agent unreachable.
    pub keep_alive: Duration,
    /// Where `GET /metrics` is answered, without encryption and to whoever comes; nowhere if `None`.
    pub metrics: Option<SocketAddr>,
    /// What becomes of running tasks when the agent stops.
    pub shutdown: ShutdownMode,
}

impl Options {
    /// The usual options: an agent that offers what the machine has and leaves its tasks running.
    #[must_use]
    pub fn new(work_dir: PathBuf, shepherd: Program) -> Self {
        Self {
            work_dir,
            join: None,
            resources: None,
            attributes: Vec::new(),
            hostname: None,
            shepherd,
            wasm: Err("the agent was started without a program that runs Wasm".to_owned()),
            cgroups: Cgroups::default(),
            die_with_agent: None,
            keep_alive: KEEP_ALIVE,
            metrics: None,
            shutdown: ShutdownMode::LeaveTasks,
        }
    }
}

/// The programs that run Wasm tasks: usually `insula` itself with the subcommands `wasm-executor`
/// and `wasm-compiler`.
#[derive(Debug, Clone)]
pub struct WasmPrograms {
    /// Called with `--socket`, `--framework-id`, `--executor-id` and `--cache`, and the variable
    /// [`EXECUTOR_TOKEN`](crate::EXECUTOR_TOKEN).
    pub executor: Program,
    /// Called with `--probe`, or with `--module`, `--cache` and `--digest`.
    pub compiler: Program,
}

/// Where control groups are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroups {
    /// Whether to use any.
    pub enabled: bool,
    /// A directory on cgroup v2 that was delegated to Insula.
    pub delegated: Option<PathBuf>,
    /// A directory in the cgroup v1 memory hierarchy that was delegated to Insula.
    pub memory_delegated: Option<PathBuf>,
}

impl Default for Cgroups {
    fn default() -> Self {
        Self {
            enabled: true,
            delegated: None,
            memory_delegated: None,
        }
    }
}

/// What becomes of running tasks when the agent stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownMode {
    /// They live on; the next agent in this work directory adopts them.
    LeaveTasks,
    /// They are killed, each with its own grace, and the shepherd ends.
    KillTasks,
}
