//! Processes: naming them for good, waiting for them, killing them with all they started.

#![allow(unsafe_code)]

mod identity;
mod pidfd;
mod reap;
mod stat;
mod tree;

use std::io;

pub use identity::{Identity, boot_id};
pub use pidfd::PidFd;
pub use reap::{Exit, Reaped, reap};
pub use tree::Tree;

/// Why something could not be done with a process.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused.
    #[error("cannot {operation}")]
    System {
        /// What was asked, with its object.
        operation: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file of `/proc` has another form than proc(5) says.
    #[error("cannot understand {path}")]
    Malformed {
        /// The file.
        path: String,
    },
}

impl Error {
    fn last(operation: impl Into<String>) -> Error {
        Error::System {
            operation: operation.into(),
            source: io::Error::last_os_error(),
        }
    }

    fn system(operation: impl Into<String>, source: impl Into<io::Error>) -> Error {
        Error::System {
            operation: operation.into(),
            source: source.into(),
        }
    }
}

/// Makes this process the parent of every orphan below it, so that it can wait for what its children abandon.
///
/// # Errors
/// [`Error::System`] if the kernel refuses.
pub fn become_subreaper() -> Result<(), Error> {
    nix::sys::prctl::set_child_subreaper(true)
        .map_err(|errno| Error::system("become a subreaper", errno))
}

/// Sends a signal to every process of the group that `leader` founded. A group that is gone is no error.
///
/// # Errors
/// [`Error::System`] if the kernel refuses.
pub fn signal_group(leader: u32, signal: Signal) -> Result<(), Error> {
    let Some(group) = raw(leader) else {
        return Ok(());
    };
    // SAFETY: the call takes two numbers.
    let outcome = unsafe { libc::kill(-group, signal.number()) };
    match outcome {
        0 => Ok(()),
        _ if io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH) => Ok(()),
        _ => Err(Error::last(format!("signal process group {leader}"))),
    }
}

/// The signals that Insula sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// `SIGTERM`: please end.
    Term,
    /// `SIGKILL`: end.
    Kill,
}

impl Signal {
    fn number(self) -> i32 {
        match self {
            Signal::Term => libc::SIGTERM,
            Signal::Kill => libc::SIGKILL,
        }
    }
}

/// Sends `SIGKILL` to one process. Only for callers that know the id to be in use: children that were not waited
/// for, and members of a frozen group.
pub(crate) fn kill(pid: u32) {
    if let Some(pid) = raw(pid) {
        // SAFETY: the call takes two numbers. It fails only for a process that is gone, which is what is wanted.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
}

/// The id as the kernel takes it. 0 and 1 never reach the kernel: there they would mean the caller's group, and all.
fn raw(pid: u32) -> Option<i32> {
    i32::try_from(pid).ok().filter(|pid| *pid > 1)
}
