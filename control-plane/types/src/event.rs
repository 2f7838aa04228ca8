//! What happened, for whoever watches.

use std::fmt;

use crate::task::Exit;
use crate::why::Why;
use crate::{
    AgentId, FrameworkKey, LaunchId, Reason, Span, TaskId, TaskKey, TaskState, TenantId, Time,
    TraceContext,
};

/// Something that happened in a cell. The pipeline adds the number of the commit that made it true,
/// so that a watcher can join a snapshot of the rows with the events after it (rule R13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, in kernel time.
    pub at: Time,
    /// The trace it belongs to; empty if none.
    pub trace: TraceContext,
    /// What.
    pub kind: EventKind,
}

/// See [`Event`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// An agent registered, for the first time or again.
    AgentRegistered {
        /// Which.
        agent: AgentId,
        /// Whether it was known before.
        again: bool,
    },
    /// An agent's connection ended; its tasks go on.
    AgentDisconnected {
        /// Which.
        agent: AgentId,
    },
    /// An agent was silent for too long; its tasks are unreachable.
    AgentUnreachable {
        /// Which.
        agent: AgentId,
    },
    /// A framework subscribed, for the first time or again.
    FrameworkSubscribed {
        /// Which.
        framework: FrameworkKey,
        /// For people.
        name: String,
    },
    /// A framework's connection ended; it may come back before the deadline.
    FrameworkDisconnected {
        /// Which.
        framework: FrameworkKey,
    },
    /// A framework was torn down or did not come back in time.
    FrameworkRemoved {
        /// Which.
        framework: FrameworkKey,
    },
    /// Somebody submitted a task to the tenant's built-in framework.
    RequestSubmitted {
        /// Which task it will be.
        task: TaskKey,
    },
    /// A request was withdrawn before it was started.
    RequestWithdrawn {
        /// Which task it would have been.
        task: TaskKey,
    },
    /// A request is started again after its last start was lost or failed.
    RequestRetried {
        /// Which task.
        task: TaskKey,
        /// How many retries are left after this one.
        left: u32,
    },
    /// A request waits, and why. Said of the oldest request of each shape when an allocation has left it
    /// behind for another reason than before; the younger ones of its shape wait for the same.
    RequestWaits {
        /// Which task it will be.
        task: TaskKey,
        /// The decisive reason.
        why: Why,
    },
    /// A framework was offered resources.
    OffersMade {
        /// To whom.
        framework: FrameworkKey,
        /// How many offers.
        count: usize,
    },
    /// A framework gave offers back.
    OffersDeclined {
        /// Who.
        framework: FrameworkKey,
        /// How many offers.
        count: usize,
        /// For how long it does not want to see the same resources again.
        refuse: Span,
    },
    /// Offers were taken back.
    OffersRescinded {
        /// From whom.
        framework: FrameworkKey,
        /// How many offers.
        count: usize,
        /// Why.
        why: Rescinded,
    },
    /// A framework, or whoever asked for it, did not get what a call asked for.
    CallRefused {
        /// Who called; a tenant's built-in framework for people.
        framework: FrameworkKey,
        /// What was asked for: the call's name.
        call: &'static str,
        /// The task of an accept that was not started, if it is about one.
        task: Option<TaskId>,
        /// Why not; the sentence that the caller got.
        sentence: String,
    },
    /// A framework accepted an offer for a task: the launch is on its way.
    TaskAccepted {
        /// Which task.
        task: TaskKey,
        /// Which start of it.
        launch: LaunchId,
        /// Where.
        agent: AgentId,
    },
    /// A task changed its state.
    TaskUpdated {
        /// Which task.
        task: TaskKey,
        /// Which start of it.
        launch: LaunchId,
        /// Where.
        agent: AgentId,
        /// Its new state.
        state: TaskState,
        /// Why.
        reason: Option<Reason>,
        /// For people; may be empty.
        message: String,
        /// How the process ended, if it did.
        exit: Option<Exit>,
    },
    /// A framework acknowledged an update of its task. Built-in frameworks do so by themselves, and
    /// nothing is said of it.
    TaskAcknowledged {
        /// Which task.
        task: TaskKey,
        /// Which start of it.
        launch: LaunchId,
        /// Where.
        agent: AgentId,
        /// The state that it was told.
        state: TaskState,
    },
    /// A task's agent was told to kill it, as its framework or a person asked.
    KillAsked {
        /// Which task.
        task: TaskKey,
        /// Which start of it.
        launch: LaunchId,
        /// Where.
        agent: AgentId,
    },
    /// An operator changed a role's weight or quota limit.
    RoleChanged {
        /// The full path of the role.
        role: String,
    },
    /// Something that a person must look at (rules R5, R22, R27).
    Alarm {
        /// One sentence.
        sentence: String,
    },
}

/// Why offers were taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rescinded {
    /// Their agent cannot be offered any more, or came back with other resources.
    AgentChanged,
    /// Another framework waited for the same agent.
    OthersWait,
    /// They were kept for as long as an offer may be.
    Expired,
    /// The session that they were made to is over.
    SessionOver,
}

impl Rescinded {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::AgentChanged,
        Self::OthersWait,
        Self::Expired,
        Self::SessionOver,
    ];

    /// The word used in JSON and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgentChanged => "agent_changed",
            Self::OthersWait => "others_wait",
            Self::Expired => "expired",
            Self::SessionOver => "session_over",
        }
    }
}

/// The sentence for people.
impl fmt::Display for Rescinded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AgentChanged => "the agent left or came back changed",
            Self::OthersWait => "others wait for the same agent",
            Self::Expired => "they were kept for too long",
            Self::SessionOver => "the session that they were made to is over",
        })
    }
}

impl EventKind {
    /// The tenant that may see the event; none if it concerns the whole cell.
    #[must_use]
    pub fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::FrameworkSubscribed { framework, .. }
            | Self::FrameworkDisconnected { framework }
            | Self::FrameworkRemoved { framework }
            | Self::OffersMade { framework, .. }
            | Self::OffersDeclined { framework, .. }
            | Self::OffersRescinded { framework, .. }
            | Self::CallRefused { framework, .. } => Some(&framework.tenant),
            Self::RequestSubmitted { task }
            | Self::RequestWithdrawn { task }
            | Self::RequestRetried { task, .. }
            | Self::RequestWaits { task, .. }
            | Self::TaskAccepted { task, .. }
            | Self::TaskUpdated { task, .. }
            | Self::TaskAcknowledged { task, .. }
            | Self::KillAsked { task, .. } => Some(&task.framework.tenant),
            Self::AgentRegistered { .. }
            | Self::AgentDisconnected { .. }
            | Self::AgentUnreachable { .. }
            | Self::RoleChanged { .. }
            | Self::Alarm { .. } => None,
        }
    }
}
