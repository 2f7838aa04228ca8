use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};

use super::{Error, Exit, Signal};

/// A process held by a descriptor, so that its id cannot be reused under the holder.
///
/// The descriptor becomes readable when the process ends: an event loop can wait for any process with it, its parent
/// can then take the status with [`PidFd::try_wait`].
#[derive(Debug)]
pub struct PidFd {
    pid: u32,
    fd: OwnedFd,
}

impl PidFd {
    /// Opens a running process. `None` if there is none with that id.
    ///
    /// The caller must know that the id is the right one: a child not waited for, or compare the
    /// [`super::Identity`] after opening.
    ///
    /// # Errors
    /// [`Error::System`] if the kernel refuses (Linux before 5.3 has no such call).
    pub fn open(pid: u32) -> Result<Option<PidFd>, Error> {
        let Some(raw) = super::raw(pid) else {
            return Ok(None);
        };
        // SAFETY: the call takes two numbers and gives a new descriptor, which only this value owns.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, raw, 0) };
        match i32::try_from(fd) {
            // SAFETY: as above.
            Ok(fd) if fd >= 0 => Ok(Some(PidFd {
                pid,
                fd: unsafe { OwnedFd::from_raw_fd(fd) },
            })),
            _ if io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH) => Ok(None),
            _ => Err(Error::last(format!("open process {pid}"))),
        }
    }

    pub(crate) fn from_parts(pid: u32, fd: OwnedFd) -> PidFd {
        PidFd { pid, fd }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal. A process that ended is no error.
    ///
    /// # Errors
    /// [`Error::System`] if the kernel refuses.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        let no_info = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open, and a null pointer asks the kernel to make the information itself.
        let outcome = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.fd.as_raw_fd(),
                signal.number(),
                no_info,
                0,
            )
        };
        match outcome {
            0 => Ok(()),
            _ if io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH) => Ok(()),
            _ => Err(Error::last(format!("signal process {}", self.pid))),
        }
    }

    /// Takes the status of a child that ended; `None` while it runs. The process id is free afterwards.
    ///
    /// # Errors
    /// [`Error::System`] if it is not a child of this process, or its status was taken already.
    pub fn try_wait(&self) -> Result<Option<Exit>, Error> {
        self.wait_with(WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG)
    }

    /// Waits until the child ends, and takes its status.
    ///
    /// # Errors
    /// As [`PidFd::try_wait`].
    pub fn wait(&self) -> Result<Exit, Error> {
        loop {
            if let Some(exit) = self.wait_with(WaitPidFlag::WEXITED)? {
                return Ok(exit);
            }
        }
    }

    fn wait_with(&self, flags: WaitPidFlag) -> Result<Option<Exit>, Error> {
        loop {
            match waitid(Id::PIDFd(self.fd.as_fd()), flags) {
                Ok(WaitStatus::Exited(_, code)) => return Ok(Some(Exit::Code(code))),
                Ok(WaitStatus::Signaled(_, signal, _)) => {
                    return Ok(Some(Exit::Signal(signal as i32)));
                }
                Ok(_) => return Ok(None),
                Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => {
                    return Err(Error::system(
                        format!("wait for process {}", self.pid),
                        errno,
                    ));
                }
            }
        }
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for PidFd {
    fn as_raw_fd(&self) -> i32 {
        self.fd.as_raw_fd()
    }
}
