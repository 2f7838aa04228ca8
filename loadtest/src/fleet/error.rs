//! Why the fleet could not do its work.

use insula_proto::JoinTokenError;
use insula_proto::convert::agent::AgentProtocolError;

/// See each variant.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The control plane's API did not do what was asked.
    #[error("cannot use the control plane's API")]
    Api(#[from] insula_client::Error),
    /// The control plane made a token that cannot be read.
    #[error("cannot read the join token")]
    Token(#[source] JoinTokenError),
    /// A key or a certificate request could not be made.
    #[error("cannot make a key for an agent")]
    Key(#[from] rcgen::Error),
    /// A certificate could not be used.
    #[error("cannot set up TLS for an agent")]
    Tls(#[from] rustls::Error),
    /// The service cannot be reached, or is another one than the token names.
    #[error("cannot connect to {address}")]
    Connect {
        /// Where it should be.
        address: String,
        /// Why not.
        #[source]
        source: tonic::transport::Error,
    },
    /// The service refused a call.
    #[error("the control plane refused a call of an agent: {0}")]
    Refused(String),
    /// A message cannot be understood.
    #[error("cannot understand the control plane")]
    Protocol(#[from] AgentProtocolError),
    /// A core could not be made; it has no journal, so this is a defect.
    #[error("cannot make an agent core")]
    Core(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// One of our own tasks died.
    #[error("an enrollment was cut off")]
    Join(#[from] tokio::task::JoinError),
    /// Time ran out.
    #[error("only {registered} of {agents} agents are registered; allow more time with --timeout")]
    NotRegistered {
        /// How many are.
        registered: u64,
        /// How many should be.
        agents: u64,
    },
    /// Time ran out.
    #[error("only {ended} of {tasks} tasks have ended; allow more time with --timeout")]
    NotEnded {
        /// How many have.
        ended: u64,
        /// How many should have.
        tasks: u64,
    },
}
