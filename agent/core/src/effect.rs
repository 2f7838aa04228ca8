//! What a step wants done, as one ordered list.

use insula_types::message::{FromAgent, Launch};
use insula_types::{LaunchId, SessionId, Span, TaskKind, TraceContext};

use crate::Record;

/// One thing to do. Whatever must be durable precedes what depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Append to the journal. Unless [`Record::is_lazy`], no later effect may happen before this
    /// record is durable.
    Journal(Record),
    /// Start a task; answered by [`crate::Input::Started`] or [`crate::Input::StartFailed`].
    Start(Box<Launch>),
    /// Kill a task, or what is on its way to become one; repeated kills may shorten the grace.
    Kill {
        /// Which.
        launch: LaunchId,
        /// Whose executor it is; absent if the core has never heard of this launch.
        kind: Option<TaskKind>,
        /// Time between the polite and the final signal.
        grace: Span,
        /// The task's; empty if the core has never heard of this launch.
        trace: TraceContext,
    },
    /// The end of a launch is durable: its executor need not remember it any longer.
    Forget {
        /// Which.
        launch: LaunchId,
        /// As in [`Effect::Kill`].
        kind: Option<TaskKind>,
        /// As in [`Effect::Kill`].
        trace: TraceContext,
    },
    /// Tell the control plane; dropped if the session is no longer open.
    Send {
        /// The session that the message belongs to.
        session: SessionId,
        /// What to say.
        message: FromAgent,
    },
}

/// The effects of one or more steps, in step order.
pub type Effects = Vec<Effect>;
