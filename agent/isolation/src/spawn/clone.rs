//! Making the child.

#![allow(unsafe_code)]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};

use super::child::{self, Membership};
use super::prepare::Prepared;
use super::{Error, Namespaces};
use crate::process::PidFd;

/// From `linux/sched.h`. The crate `libc` has it as a 32-bit number, in which it is zero.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Makes the child, which reports a failure to `report` and otherwise becomes the program.
pub(super) fn clone(prepared: &Prepared, report: &OwnedFd) -> Result<PidFd, Error> {
    // A handler of this process must not run in the child, where what it works on is not its own any more. The child
    // resets all handlers and then takes signals again.
    let mut before = SigSet::empty();
    let blocked = sigprocmask(
        SigmaskHow::SIG_SETMASK,
        Some(&SigSet::all()),
        Some(&mut before),
    );
    blocked.map_err(|errno| Error::start(errno.into()))?;
    let child = clone_blocked(prepared, report);
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None)
        .map_err(|errno| Error::start(errno.into()))?;
    child.map_err(Error::start)
}

fn clone_blocked(prepared: &Prepared, report: &OwnedFd) -> io::Result<PidFd> {
    match clone3(prepared, report) {
        Err(error) if needs_older_way(&error) => fork(prepared, report),
        outcome => outcome,
    }
}

/// `clone3` is from Linux 5.3, being born in a group from 5.7; and some containers' system call filters refuse it
/// with `EPERM` or `ENOSYS`, since they cannot look into its arguments.
fn needs_older_way(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOSYS | libc::EINVAL | libc::E2BIG | libc::EPERM)
    )
}

fn clone3(prepared: &Prepared, report: &OwnedFd) -> io::Result<PidFd> {
    let mut pidfd: i32 = -1;
    // SAFETY: all zeros is a value of this struct of numbers.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = libc::CLONE_PIDFD.unsigned_abs().into();
    arguments.flags |= flags(prepared.namespaces);
    arguments.pidfd = (&raw mut pidfd).addr() as u64;
    arguments.exit_signal = libc::SIGCHLD.unsigned_abs().into();
    if let Some(group) = &prepared.cgroup.unified {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = group.as_raw_fd().unsigned_abs().into();
    }
    // SAFETY: without CLONE_VM and a stack this is fork: the child runs on a copy of this memory. It goes straight
    // into `child::run`, which makes system calls only and never returns.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw mut arguments,
            size_of::<libc::clone_args>(),
        )
    };
    match u32::try_from(pid) {
        Ok(0) => child::run(prepared, Membership::Born, report),
        // SAFETY: the kernel made this descriptor for us and has written it where it was told.
        Ok(pid) => Ok(PidFd::from_parts(pid, unsafe {
            OwnedFd::from_raw_fd(pidfd)
        })),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

/// The way of older kernels: the child moves itself. The id cannot be reused before its parent waited for it, so
/// opening it afterwards opens the right one.
fn fork(prepared: &Prepared, report: &OwnedFd) -> io::Result<PidFd> {
    // SAFETY: the child makes system calls only and never returns.
    let pid = unsafe { libc::fork() };
    match u32::try_from(pid) {
        Ok(0) => child::run(prepared, Membership::Enter, report),
        Ok(pid) => hold(pid),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

fn flags(namespaces: Namespaces) -> u64 {
    let mount = if namespaces.mount {
        libc::CLONE_NEWNS
    } else {
        0
    };
    let ipc = if namespaces.ipc {
        libc::CLONE_NEWIPC
    } else {
        0
    };
    (mount | ipc).unsigned_abs().into()
}

fn hold(pid: u32) -> io::Result<PidFd> {
    let error = match PidFd::open(pid) {
        Ok(Some(child)) => return Ok(child),
        Ok(None) => io::Error::from_raw_os_error(libc::ESRCH),
        Err(error) => io::Error::other(error),
    };
    // A child that cannot be held must not run either.
    crate::process::kill(pid);
    Err(error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::File;
    use std::io::Read;

    use crate::process::Exit;
    use crate::spawn::{Command, Stream, prepare};

    #[test]
    fn the_older_way_starts_the_same_program() {
        let (reader, writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
        let (_failures, report) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
        let mut command = Command::new(["/bin/sh", "-c", "echo old; exit 4"]);
        command.stdout = Stream::Fd(writer);
        let prepared = prepare::prepare(command).unwrap();
        let child = super::fork(&prepared, &report).unwrap();
        assert_eq!(child.wait().unwrap(), Exit::Code(4));
        drop(prepared);
        let mut text = String::new();
        File::from(reader).read_to_string(&mut text).unwrap();
        assert_eq!(text, "old\n");
    }
}
