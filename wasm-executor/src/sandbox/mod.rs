//! The second wall: what these processes take from themselves before they touch anything foreign.
//!
//! The first wall is wasmtime's sandbox. The cgroup, the user and the namespaces around the process
//! are its parent's business; this is what only the process itself can do.

mod limits;
mod usage;

use std::os::fd::RawFd;

use nix::errno::Errno;

pub(crate) use limits::Limits;
pub(crate) use usage::{Usage, usage};

/// A wall that could not be raised.
#[derive(Debug, thiserror::Error)]
#[error("cannot confine the process: {step} failed")]
pub struct ConfineError {
    step: &'static str,
    #[source]
    source: Errno,
}

impl ConfineError {
    fn at(step: &'static str) -> impl FnOnce(Errno) -> Self {
        move |source| Self { step, source }
    }
}

/// The first descriptor after stdin, stdout and stderr.
const FIRST_INHERITED: RawFd = 3;

/// Closes what was inherited, gives up gaining privileges by exec, and sets resource limits.
///
/// Call it before the process has opened anything and before it has threads.
///
/// # Errors
/// When the kernel refuses a step; the process should end then.
pub(crate) fn confine(limits: &Limits) -> Result<(), ConfineError> {
    close_inherited()?;
    nix::sys::prctl::set_no_new_privs().map_err(ConfineError::at("no_new_privs"))?;
    limits.apply()
}

#[allow(unsafe_code)]
fn close_inherited() -> Result<(), ConfineError> {
    let first = FIRST_INHERITED.unsigned_abs();
    // SAFETY: called before anything of this process owns a descriptor above stderr, so no owner
    // loses its own.
    let closed = unsafe { nix::libc::close_range(first, u32::MAX, 0) };
    Errno::result(closed)
        .map(drop)
        .map_err(ConfineError::at("close_range"))
}
