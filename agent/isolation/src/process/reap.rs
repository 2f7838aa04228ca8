use std::io;
use std::mem::MaybeUninit;

use serde::{Deserialize, Serialize};

use super::Error;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this code, 0 to 255.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// A child whose status was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaped {
    /// Its process id, which is free now.
    pub pid: u32,
    /// How it ended.
    pub exit: Exit,
    /// Microseconds of processor time, its own and that of the children it waited for.
    pub cpu_us: u64,
    /// The most bytes it, or a child it waited for, held at once.
    pub memory_peak_bytes: u64,
}

/// Takes the status of any one child that ended; `None` when there is none now.
///
/// A subreaper gets its orphaned descendants here too. Call it until it gives `None` after each `SIGCHLD`: signals
/// that arrive together are one.
///
/// # Errors
/// [`Error::System`] if the kernel refuses.
pub fn reap() -> Result<Option<Reaped>, Error> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are to places of the right type that live through the call.
        let pid = unsafe { libc::wait4(-1, &raw mut status, libc::WNOHANG, usage.as_mut_ptr()) };
        let Ok(pid) = u32::try_from(pid) else {
            match io::Error::last_os_error().raw_os_error() {
                Some(libc::ECHILD) => return Ok(None),
                Some(libc::EINTR) => continue,
                _ => return Err(Error::last("wait for children")),
            }
        };
        if pid == 0 {
            return Ok(None);
        }
        // SAFETY: all zeros is a value of this struct of numbers, and the kernel has filled it in.
        let usage = unsafe { usage.assume_init() };
        return Ok(Some(Reaped {
            pid,
            exit: exit(status),
            cpu_us: micros(usage.ru_utime) + micros(usage.ru_stime),
            memory_peak_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
        }));
    }
}

/// Without `WUNTRACED` and `WCONTINUED` a status is one of these two.
fn exit(status: i32) -> Exit {
    if libc::WIFSIGNALED(status) {
        Exit::Signal(libc::WTERMSIG(status))
    } else {
        Exit::Code(libc::WEXITSTATUS(status))
    }
}

fn micros(time: libc::timeval) -> u64 {
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    part(time.tv_sec) * 1_000_000 + part(time.tv_usec)
}
