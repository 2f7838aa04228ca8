//! Why a scenario could not do its work.

use std::io;
use std::path::PathBuf;

use insula_proto::convert::agent::AgentProtocolError;
use insula_proto::{JoinTokenError, NotACredential};

/// See each variant.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The control plane's API did not do what was asked.
    #[error("cannot use the control plane's API")]
    Api(#[from] insula_client::Error),
    /// The control plane made a token that cannot be read.
    #[error("cannot read the join token")]
    Token(#[source] JoinTokenError),
    /// The operator's credential cannot be read.
    #[error("cannot read the operator's credential")]
    Credential(#[from] NotACredential),
    /// A cell cannot be named so.
    #[error("cannot use the name of a cell")]
    Cell(#[from] insula_types::ids::IdError),
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
    #[error("a part of the scenario was cut off")]
    Join(#[from] tokio::task::JoinError),
    /// Time ran out.
    #[error("waited in vain for {what}; allow more time with --timeout")]
    TooLong {
        /// What did not happen, and how far it came.
        what: String,
    },
    /// A file or directory cannot be used.
    #[error("cannot use {}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A program cannot be run.
    #[error("cannot run {}", path.display())]
    Run {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A program failed.
    #[error("{program} failed: {said}")]
    Failed {
        /// Which one.
        program: String,
        /// The last of what it said.
        said: String,
    },
    /// The runtime cannot be started, or a port cannot be had.
    #[error("the system does not give what is needed")]
    System(#[from] io::Error),
    /// What was asked for does not fit together.
    #[error("{0}")]
    Arguments(&'static str),
}
