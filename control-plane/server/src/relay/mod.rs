//! Brings bytes from a task to whoever reads its output, and from whoever feeds it to the task.
//!
//! Agents dial out, so nobody can ask them for a file. A reader's request travels down the agent's
//! session with a random id; the agent answers by a call of its own that names the id, and the relay
//! joins the two. Bytes go through a bounded channel: a slow reader slows the agent's call down and
//! nothing else (rule R12).

mod connections;
mod pending;

pub use connections::{AgentConnections, AgentSender};
pub use pending::{Expected, Failure, Input, Output, Relay};
