use std::io;
use std::path::PathBuf;

use insula_isolation::{cgroup, lock, process, spawn};

/// Why a shepherd could not run, be started, or be talked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another shepherd owns the directory.
    #[error("cannot own the shepherd's directory")]
    Lock(#[from] lock::Error),
    /// A file of the shepherd's directory.
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
    /// The event loop could not be set up or failed.
    #[error("cannot {operation}")]
    Loop {
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A call about processes.
    #[error("cannot keep processes")]
    Process(#[from] process::Error),
    /// Leftovers of an earlier shepherd could not be removed.
    #[error("cannot clear the control groups that an earlier shepherd left")]
    Cgroup(#[from] cgroup::Error),
    /// The parent group's name is none.
    #[error("the option --cgroup-parent is not a group")]
    Parent(#[source] cgroup::Error),
    /// The shepherd's program could not be started.
    #[error("cannot start the shepherd")]
    Spawn(#[from] spawn::Error),
    /// The shepherd was started but nobody answers.
    #[error(
        "no shepherd answers in {dir} after {waited_ms} ms; its words are in {dir}/shepherd.log"
    )]
    NoAnswer {
        /// The shepherd's directory.
        dir: PathBuf,
        /// How long it was waited for.
        waited_ms: u128,
    },
    /// The connection to the shepherd is gone; the next call of `next` makes a new one.
    #[error("the shepherd is not connected")]
    Disconnected,
    /// The shepherd sent something that this version does not understand.
    #[error("cannot understand the shepherd: {because}")]
    Protocol {
        /// What was wrong.
        because: String,
    },
}

impl Error {
    pub(super) fn file(
        operation: &'static str,
        path: impl Into<PathBuf>,
        source: io::Error,
    ) -> Error {
        Error::File {
            operation,
            path: path.into(),
            source,
        }
    }
}

/// An error with all its causes in one sentence, for a message that is a value.
pub(super) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
