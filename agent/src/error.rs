use std::io;
use std::path::PathBuf;

use insula_isolation::{lock, machine, process};
use insula_telemetry::metrics::{ExportError, ListenError};

use crate::{identity, journal, shepherd};

/// Why an agent could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another agent works in the directory.
    #[error("cannot own the work directory")]
    Lock(#[from] lock::Error),
    /// A file of the work directory.
    #[error("cannot {operation} {path}")]
    File {
        /// The verb.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The machine has no identity and could not get one.
    #[error("cannot join")]
    Identity(#[from] identity::Error),
    /// The journal cannot be read or written. Running tasks go on; the next agent adopts them.
    #[error("cannot go on without the journal")]
    Journal(#[from] journal::Error),
    /// The records of the journal contradict each other.
    #[error(
        "the journal {path} is not a journal of this agent; move the work directory away and join anew"
    )]
    Records {
        /// The file.
        path: PathBuf,
        /// The contradiction.
        #[source]
        source: insula_agent_core::LoadError,
    },
    /// The process that keeps tasks cannot be had.
    #[error("cannot keep native tasks")]
    Shepherd(#[from] shepherd::Error),
    /// A fact about the machine.
    #[error("cannot find out what this machine has")]
    Machine(#[from] machine::Error),
    /// A fact about processes.
    #[error("cannot find out which boot of the machine this is")]
    Process(#[from] process::Error),
    /// What this process measures cannot be sent.
    #[error("cannot send metrics")]
    Export(#[from] ExportError),
    /// What this process measures cannot be read.
    #[error("cannot serve metrics; name another address with --metrics")]
    Metrics(#[from] ListenError),
    /// The socket for wasm executors.
    #[error("cannot listen for wasm executors in {path}")]
    WasmSocket {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn file(
        operation: &'static str,
        path: impl Into<PathBuf>,
        source: io::Error,
    ) -> Self {
        Self::File {
            operation,
            path: path.into(),
            source,
        }
    }
}

/// An error with all its causes in one sentence, for a message that is a value.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
