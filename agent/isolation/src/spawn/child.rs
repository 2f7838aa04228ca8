//! What the child does until it becomes the program: system calls, and nothing that allocates or locks.

#![allow(unsafe_code)]

use std::convert::Infallible;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;

use super::prepare::Prepared;
use super::{Namespaces, Owner, Resource, Rlimit, Step};

pub(super) const REPORT_BYTES: usize = 8;
/// What the shell gives for a command that cannot be run; nobody sees it, since the report comes first.
const EXIT_NOT_STARTED: i32 = 127;
/// Highest signal number plus one, real-time signals included.
const SIGNALS_END: i32 = 65;
/// More than the kernel's `struct sigaction` has on any architecture (four).
const SIGACTION_WORDS: usize = 8;
/// The size of the kernel's signal set.
const SIGSET_BYTES: usize = 8;
const UMASK: libc::mode_t = 0o022;

/// How the child came into its v2 control group and its namespaces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    /// It was born in them.
    Born,
    /// It must enter them itself.
    Enter,
}

/// Becomes the program, or reports what failed and ends.
pub(super) fn run(prepared: &Prepared, membership: Membership, report: &OwnedFd) -> ! {
    let Err(step) = become_program(prepared, membership);
    let errno = io::Error::last_os_error().raw_os_error().unwrap_or(0);
    let bytes = write_report(step, errno);
    // SAFETY: the bytes are there for as long as the call takes. A pipe takes so few at once, and if nobody reads
    // them any more nobody wants to know.
    unsafe {
        libc::write(report.as_raw_fd(), bytes.as_ptr().cast(), bytes.len());
        libc::_exit(EXIT_NOT_STARTED)
    }
}

/// The order matters: groups and limits while still privileged, the user before the directory (which must be open to
/// the user), the parent-death signal after the user (changing it clears the signal), the signal mask at the end.
fn become_program(prepared: &Prepared, membership: Membership) -> Result<Infallible, Step> {
    if membership == Membership::Enter {
        if let Some(procs) = &prepared.cgroup_procs {
            enter(procs)?;
        }
        unshare(prepared.namespaces)?;
    }
    prepared.cgroup.procs.iter().try_for_each(enter)?;
    if prepared.namespaces.mount {
        make_mounts_private()?;
    }
    reset_signals();
    if prepared.new_session {
        // SAFETY: no argument; a fresh child leads no group, so it cannot fail for that.
        checked(unsafe { libc::setsid() }, Step::Session)?;
    }
    prepared.rlimits.iter().try_for_each(set_rlimit)?;
    place_streams(&prepared.streams)?;
    close_others_at_exec();
    if let Some(owner) = prepared.owner {
        become_user(owner)?;
    }
    // SAFETY: a number, and a string that ends with NUL.
    unsafe {
        libc::umask(UMASK);
        if let Some(dir) = &prepared.cwd {
            checked(libc::chdir(dir.as_ptr()), Step::Chdir)?;
        }
    }
    give_up_privileges(prepared)?;
    unblock_signals();
    // SAFETY: strings that end with NUL and arrays of pointers to such that end with null, all owned by `prepared`.
    unsafe {
        libc::execve(
            prepared.program.as_ptr(),
            prepared.argv.pointers.as_ptr(),
            prepared.env.pointers.as_ptr(),
        );
    }
    Err(Step::Exec)
}

/// `0` means the writer. It stays in the group whatever it becomes.
fn enter(procs: &OwnedFd) -> Result<(), Step> {
    // SAFETY: one byte, there for as long as the call takes.
    let written = unsafe { libc::write(procs.as_raw_fd(), b"0".as_ptr().cast(), 1) };
    if written == 1 {
        Ok(())
    } else {
        Err(Step::Cgroup)
    }
}

fn unshare(namespaces: Namespaces) -> Result<(), Step> {
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
    if mount | ipc == 0 {
        return Ok(());
    }
    // SAFETY: one number.
    checked(unsafe { libc::unshare(mount | ipc) }, Step::Mount)
}

/// A new mount namespace still passes mounts on to the old one until it is told not to. What the machine mounts or
/// unmounts goes on reaching the program, so that it never keeps a disk busy.
fn make_mounts_private() -> Result<(), Step> {
    // SAFETY: the unused arguments may be null, the target is a string that ends with NUL.
    let outcome = unsafe {
        libc::mount(
            ptr::null(),
            c"/".as_ptr(),
            ptr::null(),
            libc::MS_REC | libc::MS_SLAVE,
            ptr::null(),
        )
    };
    checked(outcome, Step::Mount)
}

/// Handlers end with the program, but *ignoring* a signal would be inherited: Rust programs ignore `SIGPIPE`.
/// The plain system call is used since the library refuses the two real-time signals that it uses itself.
fn reset_signals() {
    let default = [0_u64; SIGACTION_WORDS];
    for signal in 1..SIGNALS_END {
        // SAFETY: zeros are the default disposition without flags and mask; the kernel reads less than there is. That
        // SIGKILL and SIGSTOP cannot be set does not matter.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                ptr::null_mut::<u64>(),
                SIGSET_BYTES,
            );
        }
    }
}

fn unblock_signals() {
    // SAFETY: a set on this stack, emptied before it is used.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

fn set_rlimit(limit: &Rlimit) -> Result<(), Step> {
    let resource = match limit.resource {
        Resource::AddressSpace => libc::RLIMIT_AS,
        Resource::CoreSize => libc::RLIMIT_CORE,
        Resource::CpuSeconds => libc::RLIMIT_CPU,
        Resource::FileSize => libc::RLIMIT_FSIZE,
        Resource::OpenFiles => libc::RLIMIT_NOFILE,
        Resource::Processes => libc::RLIMIT_NPROC,
    };
    let value = libc::rlimit {
        rlim_cur: limit.soft,
        rlim_max: limit.hard,
    };
    // SAFETY: a struct on this stack.
    checked(
        unsafe { libc::setrlimit(resource, &raw const value) },
        Step::Rlimit,
    )
}

/// The copies have no close-on-exec flag. None of the sources is one of the targets.
fn place_streams(streams: &[OwnedFd; 3]) -> Result<(), Step> {
    for (target, stream) in (0..).zip(streams) {
        // SAFETY: two numbers, the first an open descriptor.
        checked(
            unsafe { libc::dup2(stream.as_raw_fd(), target) },
            Step::Streams,
        )?;
    }
    Ok(())
}

/// A last wall behind the flags of our own descriptors: what this process itself inherited from a careless parent
/// must not reach the program. Kernels before 5.11 do without.
fn close_others_at_exec() {
    // SAFETY: numbers only; it closes nothing now.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3_u32,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
}

/// The user last: afterwards the groups could not be changed. The plain system calls are used since the library's
/// wrappers would signal threads that do not exist in this child.
fn become_user(owner: Owner) -> Result<(), Step> {
    let (uid, gid) = (owner.uid, owner.gid);
    // SAFETY: numbers, and a null pointer to no groups.
    unsafe {
        checked_long(
            libc::syscall(libc::SYS_setgroups, 0, ptr::null::<libc::gid_t>()),
            Step::Owner,
        )?;
        checked_long(
            libc::syscall(libc::SYS_setresgid, gid, gid, gid),
            Step::Owner,
        )?;
        checked_long(
            libc::syscall(libc::SYS_setresuid, uid, uid, uid),
            Step::Owner,
        )
    }
}

fn give_up_privileges(prepared: &Prepared) -> Result<(), Step> {
    // SAFETY: numbers only.
    unsafe {
        if prepared.no_new_privs {
            checked(
                libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                Step::Prctl,
            )?;
        }
        if prepared.die_with_parent {
            checked(
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0),
                Step::Prctl,
            )?;
            // The parent may have ended before the line above; then nobody reads the report either.
            if libc::getppid() != prepared.parent {
                libc::_exit(EXIT_NOT_STARTED);
            }
        }
    }
    Ok(())
}

fn checked(outcome: libc::c_int, step: Step) -> Result<(), Step> {
    if outcome == -1 { Err(step) } else { Ok(()) }
}

fn checked_long(outcome: libc::c_long, step: Step) -> Result<(), Step> {
    if outcome == -1 { Err(step) } else { Ok(()) }
}

fn write_report(step: Step, errno: i32) -> [u8; REPORT_BYTES] {
    let mut bytes = [0; REPORT_BYTES];
    bytes[..4].copy_from_slice(&(step as u32).to_ne_bytes());
    bytes[4..].copy_from_slice(&errno.to_ne_bytes());
    bytes
}

/// The step and the error number.
pub(super) fn read_report(bytes: [u8; REPORT_BYTES]) -> (Step, i32) {
    let [a, b, c, d, e, f, g, h] = bytes;
    let step = usize::try_from(u32::from_ne_bytes([a, b, c, d]))
        .ok()
        .and_then(|index| Step::ALL.get(index));
    (
        step.copied().unwrap_or(Step::Exec),
        i32::from_ne_bytes([e, f, g, h]),
    )
}

#[cfg(test)]
mod tests {
    use super::super::Step;
    use super::{read_report, write_report};

    #[test]
    fn every_step_survives_the_pipe() {
        for step in Step::ALL {
            assert_eq!(read_report(write_report(step, 13)), (step, 13));
        }
    }
}
