//! Wasm tasks: modules fetched and compiled once, then run by one executor process per framework.
//!
//! ```text
//! start ─► fetch ─► compile ─► executor of the framework ─► updates
//!           (once per module)    (started when there is none)
//! ```
//!
//! The driver hands tasks over and never waits; one task of the event loop ([`room`]) owns the rest.
//! Executors are processes under the shepherd, so they and their tasks outlive the agent; they
//! connect to the agent's socket again and tell what they hold. Two tenants never share one.

mod artifacts;
mod compiler;
mod executor;
mod fetch;
mod frame;
mod job;
mod link;
mod report;
mod room;
mod secret;
mod socket;
mod spans;

use insula_agent_core::Absence;
use insula_types::message::Launch;
use insula_types::{FrameworkKey, LaunchId, TraceContext};
use tokio::sync::mpsc;

use crate::shepherd::TaskState;
use crate::task::Stdins;
use crate::work_dir::WorkDir;

pub(crate) use compiler::probe;
pub(crate) use room::{Room, Setup};

/// The variable that carries the secret by which an executor process is recognized.
pub const EXECUTOR_TOKEN: &str = "INSULA_EXECUTOR_TOKEN";

/// What the driver asks for.
#[derive(Debug)]
enum Order {
    Start(Box<job::Job>),
    Kill(LaunchId, TraceContext),
    /// The end of a launch is durable.
    Forget(LaunchId, TraceContext),
    /// The shepherd told all that it has: executors, and beside them the launches that the core
    /// believes to be alive.
    Compare {
        executors: Vec<TaskState>,
        launches: Vec<Left>,
        absence: Absence,
    },
    /// An executor process changed.
    Executor(TaskState),
}

/// A launch that an earlier agent left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) launch: LaunchId,
    pub(crate) framework: FrameworkKey,
    pub(crate) trace: TraceContext,
}

/// The driver's side.
///
/// The queue has no bound of its own: there are at most a start, a few kills and a forget for each
/// launch, and launches are bounded by the machine's resources.
#[derive(Debug)]
pub(crate) struct Wasm {
    orders: Result<mpsc::UnboundedSender<Order>, String>,
    dir: WorkDir,
    stdins: Stdins,
}

impl Wasm {
    /// For a machine that cannot run Wasm, with a sentence saying why.
    pub(crate) const fn missing(because: String, dir: WorkDir, stdins: Stdins) -> Self {
        Self {
            orders: Err(because),
            dir,
            stdins,
        }
    }

    /// Takes over a launch.
    ///
    /// # Errors
    /// A sentence saying why it can never start.
    pub(crate) fn start(&self, launch: Launch) -> Result<(), String> {
        let orders = self
            .orders
            .as_ref()
            .map_err(|because| format!("this agent does not run Wasm: {because}"))?;
        let job = job::prepare(launch, &self.dir, &self.stdins)?;
        orders
            .send(Order::Start(Box::new(job)))
            .map_err(|_| "the agent stops".to_owned())
    }

    pub(crate) fn kill(&self, launch: LaunchId, trace: TraceContext) {
        self.order(Order::Kill(launch, trace));
    }

    pub(crate) fn forget(&self, launch: LaunchId, trace: TraceContext) {
        self.order(Order::Forget(launch, trace));
    }

    pub(crate) fn compare(&self, executors: Vec<TaskState>, launches: Vec<Left>, absence: Absence) {
        self.order(Order::Compare {
            executors,
            launches,
            absence,
        });
    }

    pub(crate) fn executor_changed(&self, state: TaskState) {
        self.order(Order::Executor(state));
    }

    fn order(&self, order: Order) {
        if let Ok(orders) = &self.orders {
            // The room ends only with the agent.
            let _stopping = orders.send(order);
        }
    }
}
