use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// What the child was doing when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Entering the control group.
    Cgroup,
    /// Founding a session.
    Session,
    /// Making its mounts its own.
    Mount,
    /// Setting a limit per process.
    Rlimit,
    /// Putting the standard streams in their places.
    Streams,
    /// Becoming the user.
    Owner,
    /// Entering the working directory.
    Chdir,
    /// Giving up privileges, or tying its life to its parent's.
    Prctl,
    /// Becoming the program.
    Exec,
}

impl Step {
    pub(super) const ALL: [Step; 9] = [
        Step::Cgroup,
        Step::Session,
        Step::Mount,
        Step::Rlimit,
        Step::Streams,
        Step::Owner,
        Step::Chdir,
        Step::Prctl,
        Step::Exec,
    ];
}

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no program to start.
    #[error("the command is empty")]
    Empty,
    /// A text that the kernel cannot take.
    #[error("{what} contains a NUL byte")]
    Nul {
        /// Which text.
        what: &'static str,
    },
    /// The program is in none of the directories of `PATH`.
    #[error("program {program:?} was not found in PATH ({path})")]
    NotFound {
        /// Its name.
        program: OsString,
        /// Where it was looked for.
        path: String,
    },
    /// The machine has no such user.
    #[error("there is no user {name:?} on this machine")]
    NoUser {
        /// The name.
        name: String,
    },
    /// The user database cannot be read.
    #[error("cannot look up user {name:?}")]
    Users {
        /// The name.
        name: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file for a standard stream could not be opened.
    #[error("cannot open {path} as {stream}")]
    Stream {
        /// `standard input`, `standard output` or `standard error`.
        stream: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The kernel made no process.
    #[error("cannot start a process")]
    Start {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The process was made, but could not become the program.
    #[error("cannot {attempt}")]
    Child {
        /// The step.
        step: Step,
        /// The same in words, with its object.
        attempt: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Error {
    pub(super) fn start(source: io::Error) -> Error {
        Error::Start { source }
    }
}
