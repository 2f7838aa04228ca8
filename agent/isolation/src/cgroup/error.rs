use std::io;
use std::path::PathBuf;

/// Why something could not be done with a control group.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused an operation on a file or directory of a cgroup file system.
    #[error("cannot {operation} {path}")]
    File {
        /// The verb and, for a write, the value.
        operation: String,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A name that cannot be the name of a group.
    #[error("{name:?} cannot name a control group: {reason}")]
    Name {
        /// The name that was given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A group that was killed still holds processes, or cannot be removed although it holds none.
    #[error("the control group {path} is still in use after it was killed")]
    StillInUse {
        /// The group's directory.
        path: PathBuf,
    },
    /// This machine has no control groups that could be used.
    #[error("control groups cannot be used: {because}")]
    Unavailable {
        /// The reason, as [`crate::cgroup::Plan`] gives it.
        because: String,
    },
}

impl Error {
    pub(super) fn file(
        operation: impl Into<String>,
        path: impl Into<PathBuf>,
        source: io::Error,
    ) -> Error {
        Error::File {
            operation: operation.into(),
            path: path.into(),
            source,
        }
    }
}
