//! Brings bytes from a task to whoever reads its output, and from whoever feeds it to the task.
//!
//! Agents dial out, so nobody can ask them for a file. A reader's request travels down the agent's
//! session with a random id; the agent answers by a call of its own that names the id, and the relay
//! joins the two. Bytes go through a bounded channel: a slow reader slows the agent's call down and
//! nothing else (rule R12).
//!
//! Either side may go away at any moment, and the other learns whether that was the end: only bytes
//! that were followed by an explicit end are the whole.

mod connections;
mod input;
mod output;
mod requests;

pub use connections::{AgentConnections, AgentSender, Asking, Line};
pub use input::{GivenUp, Input, Source};
pub use output::{Output, Sink};
pub use requests::{Expected, Failure, Relay};

/// Chunks of at most 256 KiB that may wait between an agent's call and its other end.
const CHUNKS_MAX: usize = 16;
