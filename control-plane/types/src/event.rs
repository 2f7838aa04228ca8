//! What happened, for whoever watches.

use crate::task::Exit;
use crate::{
    AgentId, FrameworkKey, LaunchId, Reason, TaskKey, TaskState, TenantId, Time, TraceContext,
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
    /// A framework was offered resources.
    OffersMade {
        /// To whom.
        framework: FrameworkKey,
        /// How many offers.
        count: usize,
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

impl EventKind {
    /// The tenant that may see the event; none if it concerns the whole cell.
    #[must_use]
    pub fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::FrameworkSubscribed { framework, .. }
            | Self::FrameworkDisconnected { framework }
            | Self::FrameworkRemoved { framework }
            | Self::OffersMade { framework, .. } => Some(&framework.tenant),
            Self::RequestSubmitted { task }
            | Self::RequestWithdrawn { task }
            | Self::RequestRetried { task, .. }
            | Self::TaskAccepted { task, .. }
            | Self::TaskUpdated { task, .. } => Some(&task.framework.tenant),
            Self::AgentRegistered { .. }
            | Self::AgentDisconnected { .. }
            | Self::AgentUnreachable { .. }
            | Self::RoleChanged { .. }
            | Self::Alarm { .. } => None,
        }
    }
}
