//! Why the kernel refused an input. Nothing has changed after a refusal.

use std::borrow::Cow;

use insula_types::{AgentId, FrameworkId, TaskId};
use serde::{Deserialize, Serialize};

/// A refusal. Where a Mesos client may match on the sentence, it is Mesos' own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Rejection {
    /// No framework of that id is known to the tenant.
    #[error("Framework cannot be found")]
    FrameworkUnknown,
    /// The framework is known but has no session.
    #[error("Framework is not subscribed")]
    FrameworkNotSubscribed,
    /// The call came with another session than the framework's current one.
    #[error(
        "The stream ID '{given}' included in this request didn't match the stream ID currently associated with framework ID {framework}"
    )]
    WrongStream {
        /// The session of the call.
        given: String,
        /// Whose call.
        framework: FrameworkId,
    },
    /// The framework's id was torn down or has expired.
    #[error("Framework has been removed")]
    FrameworkRemoved,
    /// The subscription is not acceptable; the sentence goes to the framework as an error event.
    #[error("{0}")]
    Subscription(String),
    /// An agent spoke outside its current session, or registered in one that is over.
    #[error("agent {agent} has no open session '{session}'; it must register in a new one")]
    AgentSession {
        /// Which agent.
        agent: AgentId,
        /// The session of the message.
        session: String,
    },
    /// The agent's work directory is not the one that this agent id was enrolled with (rule R27).
    #[error(
        "agent {0} comes with another work directory than it registered with; enroll this machine anew with a fresh token"
    )]
    ForeignCheckpoint(AgentId),
    /// The agent opens sessions too quickly (rule R27).
    #[error(
        "agent {0} opens sessions too quickly; if two machines have its identity, wipe the work directory of one of them"
    )]
    Flapping(AgentId),
    /// The agent confirms a number that cannot be.
    #[error("agent {agent} confirms command {seq}, which nobody can have given")]
    Watermark {
        /// Which agent.
        agent: AgentId,
        /// What it confirms.
        seq: u64,
    },
    /// What an agent holds cannot be discarded.
    #[error("cannot discard what agent {agent} holds: {why}")]
    Discard {
        /// Which agent.
        agent: AgentId,
        /// Why not.
        why: Cow<'static, str>,
    },
    /// A live or waiting task of the tenant's built-in framework has this id.
    #[error(
        "a task named '{0}' is waiting or running already; choose another name or leave it out"
    )]
    TaskExists(TaskId),
    /// The tenant's built-in framework has no such task.
    #[error("there is no task '{0}' waiting or running")]
    TaskUnknown(TaskId),
    /// A bound of the cell is reached.
    #[error("{what} would exceed the limit of {limit}; wait until some have ended")]
    TooMany {
        /// What there would be too many of.
        what: Cow<'static, str>,
        /// The limit.
        limit: usize,
    },
    /// A role path, weight or limit is not acceptable.
    #[error("{0}")]
    Role(String),
}
