//! The rows that are the truth (rule R7), and the changes to them.
//!
//! A kernel is loaded from [`Rows`] and nothing else; `load(rows)` must equal the durable part of the
//! live kernel after every commit.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::agent::AgentInfo;
use crate::framework::FrameworkInfo;
use crate::message::CommandSeq;
use crate::request::TaskRequest;
use crate::resources::Millis;
use crate::task::TaskTimes;
use crate::{
    AgentId, CheckpointId, FrameworkKey, LaunchId, Resources, SessionId, Span, TaskId, TaskKey,
    TaskKind, TaskStatus, TenantId, Time, TraceContext, UpdateUuid,
};

/// What is known of a cell besides its agents, frameworks and tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellRow {
    /// Random, fixed when the cell was made; the order in which offer ids are handed out.
    pub seed: u64,
    /// The latest kernel time that was persisted; time never starts below it (rule R6).
    pub time: Time,
}

/// Whether an agent counts as being there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentState {
    /// Registered; connected or not for long.
    Registered,
    /// Silent for too long; its tasks are unreachable.
    Unreachable {
        /// Since when.
        since: Time,
    },
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// Its id.
    pub agent: AgentId,
    /// Its work directory (rule R27).
    pub checkpoint: CheckpointId,
    /// The session that was committed last; commands are valid only in it.
    pub session: SessionId,
    /// What the machine is and has.
    pub info: AgentInfo,
    /// Whether it counts as being there.
    pub state: AgentState,
    /// The highest command that it has confirmed.
    pub confirmed: CommandSeq,
    /// When it registered first.
    pub registered_at: Time,
    /// When it registered last.
    pub reregistered_at: Time,
}

/// Whether a framework is subscribed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameworkState {
    /// It has a session, or had one when the owner stopped.
    Subscribed,
    /// It is away until the deadline; then it is removed.
    Disconnected {
        /// When it is removed.
        deadline: Time,
    },
    /// Torn down or expired; its id is never accepted again.
    Removed {
        /// When.
        at: Time,
    },
}

/// A framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkRow {
    /// Its id.
    pub key: FrameworkKey,
    /// What it says about itself.
    pub info: FrameworkInfo,
    /// Whether it is subscribed.
    pub state: FrameworkState,
    /// Roles that wanted no offers when it subscribed last. What it suppressed or revived since is
    /// forgotten with its session.
    pub suppressed: Vec<String>,
    /// When it subscribed first.
    pub registered_at: Time,
    /// When it subscribed last.
    pub reregistered_at: Time,
}

/// A task: from its accept until its terminal update is acknowledged and the agent has confirmed
/// that (rule R26), and after that as history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// Names this start of the task.
    pub launch: LaunchId,
    /// Whose task, and its id there.
    pub key: TaskKey,
    /// For people.
    pub name: String,
    /// How it runs.
    pub kind: TaskKind,
    /// The user it runs as, so that a launch that is sent again says the same; empty if nobody
    /// named one.
    pub user: String,
    /// Where.
    pub agent: AgentId,
    /// The role whose share it counts against, as the framework names it.
    pub role: String,
    /// What it uses while it runs.
    pub resources: Resources,
    /// The latest status. Its `uuid` is the update that waits for the framework's acknowledgement.
    pub status: TaskStatus,
    /// The uuid of the last update applied, acknowledged or not; a repetition of it is no news.
    pub last_uuid: Option<UpdateUuid>,
    /// Number of the launch command.
    pub launch_seq: CommandSeq,
    /// Number of the latest kill command.
    pub kill_seq: Option<CommandSeq>,
    /// The grace period that the latest kill named.
    pub kill_grace: Option<Span>,
    /// Number of the command that acknowledges the terminal update, and that update.
    pub ack: Option<(CommandSeq, UpdateUuid)>,
    /// Set once the agent has confirmed the acknowledgement, or nobody waits for it: the row is
    /// history and is not loaded.
    pub archived: bool,
    /// How often the built-in framework started this request before; 0 for other frameworks.
    pub attempt: u32,
    /// When it passed each hop.
    pub times: TaskTimes,
    /// The trace it belongs to.
    pub trace: TraceContext,
}

/// A request to a tenant's built-in framework that still needs it: waiting, or started with the
/// outcome open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRow {
    /// Whose request.
    pub tenant: TenantId,
    /// What was asked for; `retries` counts those that are left.
    pub request: TaskRequest,
    /// The start under way, if any.
    pub launch: Option<LaunchId>,
    /// How often it was started already.
    pub attempts: u32,
    /// When it was submitted.
    pub submitted_at: Time,
    /// When it was taken back before it was started (again); it is history then, and is not loaded.
    pub withdrawn_at: Option<Time>,
}

/// An operator's settings of a role; a role without a row has weight 1 and no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRow {
    /// The full path, the tenant first: `ml/batch`; `ml/.` is the tenant's own `*` (rule R20).
    pub path: String,
    /// The share relative to its siblings, in thousandths; at least 1.
    pub weight: Millis,
    /// Scalars that all that is below the path may use and be offered together, by name; a name that
    /// is absent is not limited.
    pub limit: BTreeMap<String, Millis>,
}

/// One change of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Writes the cell's own row.
    Cell(CellRow),
    /// Writes an agent.
    Agent(Box<AgentRow>),
    /// Confirms commands up to a number, without rewriting the agent.
    AgentConfirmed(AgentId, CommandSeq),
    /// Writes a role's settings.
    Role(RoleRow),
    /// Writes a framework.
    Framework(Box<FrameworkRow>),
    /// Writes a task.
    Task(Box<TaskRow>),
    /// Writes a task's description, once, beside its first [`Record::Task`].
    Payload(LaunchId, Bytes),
    /// Writes a request.
    Request(Box<RequestRow>),
    /// Removes a request whose task has ended for good.
    RequestDone(TenantId, TaskId),
}

/// Everything a kernel is loaded from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The cell's own row.
    pub cell: CellRow,
    /// All roles with settings of their own.
    pub roles: Vec<RoleRow>,
    /// All agents.
    pub agents: Vec<AgentRow>,
    /// All frameworks; removed ones as well, since their ids are never accepted again.
    pub frameworks: Vec<FrameworkRow>,
    /// All tasks that are not archived.
    pub tasks: Vec<TaskRow>,
    /// Descriptions of the tasks whose launch their agent has not confirmed.
    pub payloads: Vec<(LaunchId, Bytes)>,
    /// All requests that are not withdrawn.
    pub requests: Vec<RequestRow>,
}
