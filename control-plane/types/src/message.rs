//! What the kernel, the agents and the frameworks say to each other.
//!
//! Each variant is listed in `control-plane/docs/effects.md` as *derived* (made again from state
//! after a load) or *lossy* (rule R4).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::agent::AgentInfo;
use crate::{
    AgentId, CheckpointId, Epoch, ExecutorId, FrameworkId, FrameworkKey, LaunchId, OfferId,
    Resources, SessionId, Span, TaskId, TaskKind, TaskState, TaskStatus, TasksDigest, Time,
    TraceContext, UpdateUuid,
};

/// Number of a command to one agent; assigned by the kernel from 1, without gaps (rule R22).
pub type CommandSeq = u64;

/// The highest command that an agent has made durable, with the epoch that sent it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Watermark {
    /// The highest epoch that the agent has obeyed.
    pub epoch: Epoch,
    /// The highest number applied; 0 if none.
    pub seq: CommandSeq,
}

/// A task as it is handed to an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// Names this start, and no other ever.
    pub launch: LaunchId,
    /// Whose task it is.
    pub framework: FrameworkKey,
    /// Its id there.
    pub task: TaskId,
    /// How it runs.
    pub kind: TaskKind,
    /// What it may use.
    pub resources: Resources,
    /// The user to run as, if the framework names one and the agent's owner allows it.
    pub user: String,
    /// The task description: an encoded Mesos `TaskInfo`.
    pub payload: Bytes,
    /// The trace it belongs to.
    pub trace: TraceContext,
}

/// What a numbered command tells an agent to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandBody {
    /// Start a task.
    Launch(Box<Launch>),
    /// Kill a task; `grace` is the time between the polite and the final signal, the task's own kill
    /// policy if absent.
    Kill {
        /// Which start.
        launch: LaunchId,
        /// See above.
        grace: Option<Span>,
    },
    /// Forget a terminal update, and with it the task.
    AcknowledgeTerminal {
        /// Which start.
        launch: LaunchId,
        /// Which update.
        uuid: UpdateUuid,
    },
    /// Nothing: stands for a command that was replaced before it was applied.
    Noop,
}

/// A numbered command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Its number.
    pub seq: CommandSeq,
    /// The agent's monotonic clock as last heard; lets the agent refuse a launch that was under way
    /// too long (rule R22).
    pub agent_clock: Time,
    /// What to do.
    pub body: CommandBody,
}

/// From the kernel to an agent; valid only in the session that it names and from an epoch that is
/// not lower than the agent's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToAgent {
    /// The session is committed; commands follow.
    Registered {
        /// How long the agent may be silent before its tasks count as unreachable.
        unreachable_after: Span,
    },
    /// The kernel's and the agent's views may differ: send a [`FromAgent::Register`] again.
    Resync,
    /// The digest of the registration is not what the rows say: register with every task. Only to
    /// agents that have sent one.
    ReportAll,
    /// A numbered command.
    Command(Command),
    /// A non-terminal update has been acknowledged by its framework; idempotent and unnumbered.
    Acknowledge {
        /// Which start.
        launch: LaunchId,
        /// Which update.
        uuid: UpdateUuid,
    },
    /// Kill a launch that no row knows, and forget it once it has ended: nobody will acknowledge its
    /// end (rule R5). Unnumbered, since no row could hold its number; idempotent, since launch ids
    /// never return.
    Discard {
        /// Which start.
        launch: LaunchId,
    },
    /// The session is over, with a sentence saying why.
    Disconnect {
        /// For the agent's log.
        reason: String,
    },
}

impl ToAgent {
    /// The launch that it is about, if it is about one.
    #[must_use]
    pub fn launch(&self) -> Option<LaunchId> {
        match self {
            Self::Command(command) => match &command.body {
                CommandBody::Launch(launch) => Some(launch.launch),
                CommandBody::Kill { launch, .. }
                | CommandBody::AcknowledgeTerminal { launch, .. } => Some(*launch),
                CommandBody::Noop => None,
            },
            Self::Acknowledge { launch, .. } | Self::Discard { launch } => Some(*launch),
            Self::Registered { .. } | Self::Resync | Self::ReportAll | Self::Disconnect { .. } => {
                None
            }
        }
    }
}

/// A task as an agent reports it when it registers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskReport {
    /// Which start.
    pub launch: LaunchId,
    /// Whose task it is.
    pub framework: FrameworkKey,
    /// Its id there.
    pub task: TaskId,
    /// Its latest state on the agent, reported or not.
    pub state: TaskState,
    /// The update that waits for its acknowledgement, if any.
    pub pending: Option<UpdateUuid>,
    /// The latest update, acknowledged or not; a former agent leaves it out.
    #[serde(default)]
    pub last: Option<UpdateUuid>,
}

/// Which messages an agent of this build understands: 0 is what agents understood before they said
/// so, 1 adds [`ToAgent::ReportAll`] and [`ToAgent::Discard`].
pub const AGENT_PROTOCOL: u32 = 1;

/// What an agent says when a session opens or is resynchronised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The agent's work directory (rule R27).
    pub checkpoint: CheckpointId,
    /// What the machine is and has.
    pub info: AgentInfo,
    /// The highest command applied.
    pub watermark: Watermark,
    /// All launches that it holds: running, or ended with an update not yet acknowledged. With a
    /// digest only those with an update that waits for its acknowledgement.
    pub tasks: Vec<TaskReport>,
    /// The agent's monotonic clock.
    pub clock: Time,
    /// Stands for the launches that are not in `tasks` (rule R25).
    #[serde(default)]
    pub settled: Option<TasksDigest>,
    /// Which messages it understands; see [`AGENT_PROTOCOL`].
    #[serde(default)]
    pub protocol: u32,
}

/// From an agent to the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromAgent {
    /// Opens the session, or answers [`ToAgent::Resync`].
    Register(Box<Registration>),
    /// A task changed.
    Update {
        /// Which start.
        launch: LaunchId,
        /// Its new status; always with a uuid.
        status: Box<TaskStatus>,
        /// The trace it belongs to.
        trace: TraceContext,
    },
    /// An executor's bytes for its framework; may be lost.
    Message {
        /// Whose executor.
        framework: FrameworkKey,
        /// Which one.
        executor: ExecutorId,
        /// What it says.
        data: Bytes,
    },
    /// Still here: confirms what was applied.
    Alive {
        /// The highest command applied.
        watermark: Watermark,
        /// The agent's monotonic clock.
        clock: Time,
    },
}

/// Resources of one agent, offered to one role of one framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Names the offer.
    pub id: OfferId,
    /// Whose machine.
    pub agent: AgentId,
    /// The machine's name, for people.
    pub hostname: String,
    /// The role it is offered to, as the framework names it.
    pub role: String,
    /// What is offered.
    pub resources: Resources,
    /// The machine's attributes.
    pub attributes: Vec<(String, String)>,
}

/// The [`ToFramework::Mark`] of a session that is to succeed another one; those of long answers count
/// from 1.
pub const THERE: u64 = 0;

/// From the kernel to a framework's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToFramework {
    /// The subscription is committed.
    Subscribed {
        /// The framework's id, its own or given now.
        framework: FrameworkId,
    },
    /// New offers, made in one allocation.
    Offers(Vec<Offer>),
    /// An offer is no longer valid.
    Rescind(OfferId),
    /// A task's status.
    Update(Box<TaskStatus>),
    /// An executor's bytes.
    Message {
        /// Where it runs.
        agent: AgentId,
        /// Which one.
        executor: ExecutorId,
        /// What it says.
        data: Bytes,
    },
    /// For the gateway alone, which says when it has come here: when all that was said before has been
    /// handed to the connection. A long answer goes on only then, so that it fills no queue (rule R12).
    /// The mark [`THERE`] asks whether the connection is there at all.
    Mark(u64),
    /// An agent was removed, or an executor ended.
    Failure {
        /// Where.
        agent: AgentId,
        /// Which executor; absent if the agent itself is gone.
        executor: Option<ExecutorId>,
        /// The executor's wait status.
        status: Option<i32>,
    },
    /// The session is refused or over, with Mesos' sentence; the stream ends after it.
    Error(String),
    /// The stream ends without a word (after a teardown).
    Close,
}

/// Where a message of the kernel goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Peer {
    /// An agent's session.
    Agent {
        /// Which agent.
        agent: AgentId,
        /// Which of its sessions.
        session: SessionId,
    },
    /// A framework's session.
    Framework {
        /// Which framework.
        framework: FrameworkKey,
        /// Which of its sessions.
        session: SessionId,
    },
}

/// A message of the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// To [`Peer::Agent`].
    ToAgent(ToAgent),
    /// To [`Peer::Framework`].
    ToFramework(ToFramework),
}
