//! The agent protocol: [`crate::insula::agent::v1`] and the words of [`insula_types`].
//!
//! Both ends use the same functions. What an agent says of itself is not believed further than
//! these types go: who it is, its gateway knows from its certificate (rule R15).

mod from_agent;
mod ids;
mod status;
#[cfg(test)]
mod tests;
mod to_agent;
#[cfg(test)]
mod trace_tests;

pub use from_agent::{AgentMessage, Said, from_agent_from_wire, from_agent_to_wire};
pub use to_agent::{
    Addressed, Output, OutputRequest, ServiceMessage, Start, to_agent_from_wire, to_agent_to_wire,
};

use insula_types::ids::IdError;
use insula_types::resources::ParseError;

/// Largest message of a session that either side accepts, in bytes: a registration that reports
/// 100,000 tasks with ids of 64 bytes, or a launch with the largest description.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Largest piece of a module, an output or an input in one message, in bytes.
pub const CHUNK_BYTES_MAX: usize = 256 << 10;

/// Why a message of the agent protocol cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentProtocolError {
    /// The other side is newer.
    #[error("the message has format version {given}, this build understands up to {known}")]
    Newer {
        /// The version of the message.
        given: u32,
        /// The highest known version.
        known: u32,
    },
    /// A field that every message of the kind has is absent, or holds nothing that is known.
    #[error("the message has no {0}")]
    Absent(&'static str),
    /// An id breaks the rules.
    #[error("the message has an invalid {what}")]
    Id {
        /// Which id.
        what: &'static str,
        /// The rule.
        #[source]
        source: IdError,
    },
    /// A number stands for nothing.
    #[error("the message has an unknown {what}, number {number}")]
    Number {
        /// What the number should name.
        what: &'static str,
        /// The number.
        number: i32,
    },
    /// A uuid is not sixteen bytes long.
    #[error("the message has a uuid of {0} bytes instead of 16")]
    Uuid(usize),
    /// A digest is not 32 bytes long.
    #[error("the message has a digest of {0} bytes instead of 32")]
    Digest(usize),
    /// Resources are not in their notation.
    #[error("the message has resources that cannot be read")]
    Resources(#[from] ParseError),
    /// The output stream is none.
    #[error("there is no output stream '{0}', only stdout and stderr")]
    Output(String),
}

/// Refuses what only a later version can understand.
fn check_version(given: u32) -> Result<(), AgentProtocolError> {
    let known = insula_types::FORMAT_VERSION;
    if given > known {
        Err(AgentProtocolError::Newer { given, known })
    } else {
        Ok(())
    }
}
