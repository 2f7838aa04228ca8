//! What a step wants done, as one ordered list.

use insula_types::event::Event;
use insula_types::message::{Message, Peer};
use insula_types::record::Record;
use insula_types::{FrameworkId, RequestId, TaskId, TraceContext};
use serde::{Deserialize, Serialize};

use crate::Rejection;

/// One thing to do. Whatever must be durable precedes what depends on it (INV-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Change a row.
    Persist(Record),
    /// Tell an agent or a framework. What concerns one task carries the trace of that start of it (rule
    /// R31), also when it is said again; the context is empty where no task that is known is concerned,
    /// and whoever sends it fills in that of the commit that released it, or of the peer's session.
    Send(Peer, TraceContext, Message),
    /// Tell whoever watches.
    Publish(Event),
    /// Answer a question.
    Reply(RequestId, Outcome),
}

/// The answer to an input with a request id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Taken; what follows from it comes as messages.
    Accepted,
    /// Subscribed under this id; the session's messages follow.
    Subscribed(FrameworkId),
    /// The requests were taken under these ids.
    Submitted(Vec<TaskId>),
    /// Nothing changed.
    Refused(Rejection),
}

/// The effects of one or more steps, in step order.
pub type Effects = Vec<Effect>;
