//! Everything that can happen to a cell.

use std::collections::BTreeMap;

use bytes::Bytes;
use insula_types::framework::FrameworkInfo;
use insula_types::message::FromAgent;
use insula_types::request::TaskRequest;
use insula_types::resources::Millis;
use insula_types::{
    AgentId, ExecutorId, FrameworkId, FrameworkKey, OfferId, RequestId, Resources, SessionId, Span,
    TaskId, TaskKind, TenantId, TraceContext, UpdateUuid,
};
use serde::{Deserialize, Serialize};

/// One input of [`crate::Kernel::step`].
///
/// Tenant, agent and session were stamped by the gateway from a credential or certificate; nothing
/// of them is believed from a payload (rule R15). Inputs with a `request` are answered by exactly one
/// `Reply`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// Nothing but time has passed: timers that are due fire, and a due allocation runs.
    Timer,
    /// A framework subscribes, for the first time or again.
    Subscribe(Box<Subscribe>),
    /// A subscribed framework's call.
    Call {
        /// Where the answer goes.
        request: RequestId,
        /// Who calls.
        framework: FrameworkKey,
        /// On which of its sessions.
        session: SessionId,
        /// What it asks for.
        call: Call,
        /// The trace of the HTTP request.
        trace: TraceContext,
    },
    /// A framework's connection ended (rule R18).
    FrameworkDisconnected {
        /// Whose.
        framework: FrameworkKey,
        /// Which.
        session: SessionId,
        /// Whose doing it was.
        cause: Cause,
    },
    /// The gateway has come to a mark in what it was to tell a framework.
    MarkReached {
        /// Whose session.
        framework: FrameworkKey,
        /// Which.
        session: SessionId,
        /// Which mark.
        mark: u64,
    },
    /// An agent speaks.
    Agent {
        /// Who, by its certificate.
        agent: AgentId,
        /// In which of its sessions.
        session: SessionId,
        /// What it says.
        message: FromAgent,
    },
    /// An agent's connection ended, or the path between it and the kernel.
    AgentDisconnected {
        /// Whose.
        agent: AgentId,
        /// Which.
        session: SessionId,
        /// Whose doing it was.
        cause: Cause,
    },
    /// Our own path to somebody was broken: whom it hid is not blamed for having been silent or away
    /// until now (rules R18, R24).
    ///
    /// To be stepped as soon as the path is found broken, again at least twice in each
    /// [`crate::Config::unreachable_after`] and [`crate::Config::outage_grace`] while it stays so,
    /// before any timer, and once more when it is whole. A load excuses everyone by itself.
    Excused(Excused),
    /// Tasks for the tenant's built-in framework; all or none of them are taken.
    Submit {
        /// Where the answer goes.
        request: RequestId,
        /// Whose built-in framework.
        tenant: TenantId,
        /// What to run.
        tasks: Vec<TaskRequest>,
    },
    /// Kills a task of the tenant's built-in framework, or withdraws its request.
    Withdraw {
        /// Where the answer goes.
        request: RequestId,
        /// Whose built-in framework.
        tenant: TenantId,
        /// Which task.
        task: TaskId,
        /// Time between the polite and the final signal; the task's own policy if absent.
        grace: Option<Span>,
    },
    /// An operator has what an agent holds and no row knows killed and forgotten (rule R5).
    DiscardHeld {
        /// Where the answer goes.
        request: RequestId,
        /// Whose.
        agent: AgentId,
    },
    /// An operator sets a role's weight and quota limit; the whole setting is replaced.
    SetRole {
        /// Where the answer goes.
        request: RequestId,
        /// The full path of the role, the tenant first.
        role: String,
        /// The weight in thousandths.
        weight: Millis,
        /// The limit by scalar name.
        limit: BTreeMap<String, Millis>,
    },
}

impl Input {
    /// The id under which its outcome is replied, of an input that is answered.
    ///
    /// Whoever hands inputs on for others numbers them anew, so that two askers can never meet under
    /// one id.
    pub fn request_mut(&mut self) -> Option<&mut RequestId> {
        match self {
            Self::Subscribe(subscribe) => Some(&mut subscribe.request),
            Self::Call { request, .. }
            | Self::Submit { request, .. }
            | Self::Withdraw { request, .. }
            | Self::SetRole { request, .. }
            | Self::DiscardHeld { request, .. } => Some(request),
            Self::Timer
            | Self::FrameworkDisconnected { .. }
            | Self::MarkReached { .. }
            | Self::Agent { .. }
            | Self::AgentDisconnected { .. }
            | Self::Excused(_) => None,
        }
    }
}

/// Whose doing it was that a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// The peer closed it, did not acknowledge what was written, or was cut because it did not read.
    ByPeer,
    /// Ours: a gateway vanished, the owner changed, the database or the broker was away. A framework
    /// has at least [`crate::Config::outage_grace`] to come back. An agent may register in the same
    /// session again, as its connection may stand, and has its full time to be silent.
    ByUs,
}

/// Whom our own path hid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Excused {
    /// All agents and frameworks of the cell: the lease, the database or the broker was away.
    Everyone,
    /// These agents: their gateway was. Unknown ones are passed over.
    Agents(Vec<AgentId>),
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribe {
    /// Where the answer goes.
    pub request: RequestId,
    /// Whose framework.
    pub tenant: TenantId,
    /// The id that the framework wants to keep, if it has one. One that was never seen is accepted.
    pub framework: Option<FrameworkId>,
    /// The id that it gets otherwise: random, made by the gateway.
    pub fresh: FrameworkId,
    /// The new session.
    pub session: SessionId,
    /// What the framework says about itself.
    pub info: FrameworkInfo,
    /// Roles that want no offers now.
    pub suppressed: Vec<String>,
}

/// How long offers of the same resources are kept from a framework after a decline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filters {
    /// Zero means no filter.
    pub refuse: Span,
}

/// What a subscribed framework asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// Remove the framework and kill its tasks.
    Teardown,
    /// Use offers, all of one agent and one role; what is left of them is declined.
    Accept {
        /// Which offers. An id that was never ours is `None` with its text, so that the answer can
        /// name it.
        offers: Vec<NamedOffer>,
        /// Tasks to launch.
        launches: Vec<LaunchTask>,
        /// For what is left over.
        filters: Filters,
    },
    /// Give offers back.
    Decline {
        /// Which offers; unknown ones are ignored.
        offers: Vec<OfferId>,
        /// For how long not to see them again.
        filters: Filters,
    },
    /// Clear filters and want offers again; all roles if the list is empty.
    Revive(Vec<String>),
    /// Want no more offers; all roles if the list is empty.
    Suppress(Vec<String>),
    /// Kill a task.
    Kill {
        /// Which.
        task: TaskId,
        /// Where the framework believes it to be.
        agent: Option<AgentId>,
        /// Time between the polite and the final signal.
        grace: Option<Span>,
    },
    /// An update has arrived.
    Acknowledge {
        /// Where the task is.
        agent: AgentId,
        /// Which task.
        task: TaskId,
        /// Which update.
        uuid: UpdateUuid,
    },
    /// Tell the state of these tasks, or of all if there are none.
    Reconcile(Vec<(TaskId, Option<AgentId>)>),
    /// Bytes for an executor; may be lost.
    Message {
        /// Where it runs.
        agent: AgentId,
        /// Which one.
        executor: ExecutorId,
        /// What to say.
        data: Bytes,
    },
    /// A hint about wanted resources; ignored, as Mesos does.
    Request,
}

impl Call {
    /// Its name, as Mesos has it but in small letters.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Teardown => "teardown",
            Self::Accept { .. } => "accept",
            Self::Decline { .. } => "decline",
            Self::Revive(_) => "revive",
            Self::Suppress(_) => "suppress",
            Self::Kill { .. } => "kill",
            Self::Acknowledge { .. } => "acknowledge",
            Self::Reconcile(_) => "reconcile",
            Self::Message { .. } => "message",
            Self::Request => "request",
        }
    }
}

/// An offer id as the framework wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedOffer {
    /// The text, for answers.
    pub text: String,
    /// The id, if the text is one of ours.
    pub id: Option<OfferId>,
}

/// A task in an accept, with what the gateway found out about it without the kernel's knowledge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchTask {
    /// Its id; already checked to be a valid one unless `invalid` says otherwise.
    pub task: TaskId,
    /// For people.
    pub name: String,
    /// Where the framework believes the offer to be from.
    pub agent: AgentId,
    /// How it runs.
    pub kind: TaskKind,
    /// What it wants, executor included.
    pub resources: Resources,
    /// The user to run as; the framework's if empty.
    pub user: String,
    /// The executor it names, if any.
    pub executor: Option<ExecutorId>,
    /// The encoded `TaskInfo`.
    pub payload: Bytes,
    /// Why the description is wrong, if the gateway found it so: the task becomes `TASK_ERROR` with
    /// this sentence and reason `REASON_TASK_INVALID`.
    pub invalid: Option<String>,
    /// The task's trace.
    pub trace: TraceContext,
}
