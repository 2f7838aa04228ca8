//! Starting a program from a plain description.
//!
//! Three steps, one per file: `prepare` turns the description into what the kernel takes, and opens, looks up and
//! allocates everything while failing is still easy; `clone` makes the child, born in its control group where the
//! kernel can do that; `child` is what runs in the child until it becomes the program: system calls and nothing
//! else, since after a fork of a process with threads no lock may be taken, so nothing may be allocated.
//! A step that fails in the child is sent through a pipe that closes when the program starts, so
//! [`Command::start`] knows whether the program runs when it returns.
//!
//! **No PID namespaces.** A program that is the first of its own PID namespace gets no signal that it does not handle,
//! so `SIGTERM` would not end `sleep`; it would need a small init beside every task, at the price of one more process
//! each, and programs would find other process ids than those the agent reports. What the namespace would give is
//! already here: a control group kills the whole tree at once, and another user's processes cannot be signalled.
//! Seeing them in `/proc` is what remains, and `hidepid` is the machine owner's answer to that.

mod child;
mod clone;
mod error;
mod owner;
mod prepare;
mod streams;

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

pub use error::{Error, Step};
pub use owner::Owner;

use crate::cgroup::Entry;
use crate::process::PidFd;

/// Where one of the standard streams comes from or goes to.
#[derive(Debug)]
pub enum Stream {
    /// `/dev/null`.
    Null,
    /// The caller's own.
    Inherit,
    /// A descriptor.
    Fd(OwnedFd),
    /// A file, created if absent (mode 0640) and given to the owner, written at its end. A symbolic link is not
    /// followed.
    Append(PathBuf),
    /// A FIFO that somebody holds open for writing: opening never waits, and reading ends when the writers are gone.
    Fifo(PathBuf),
}

/// A resource with a limit per process, see getrlimit(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Bytes of address space.
    AddressSpace,
    /// Bytes of a core dump.
    CoreSize,
    /// Seconds of processor time.
    CpuSeconds,
    /// Bytes of a file that is written.
    FileSize,
    /// Open descriptors.
    OpenFiles,
    /// Processes of the user.
    Processes,
}

/// A limit per process: what it has, and what it may raise it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rlimit {
    /// What is limited.
    pub resource: Resource,
    /// The limit that holds.
    pub soft: u64,
    /// The most that the process may set it to.
    pub hard: u64,
}

/// Namespaces of its own that the program gets; both need `CAP_SYS_ADMIN`. Together they make a start dearer by about
/// a quarter (the agent's bench `launch` has the figures), so they are for callers that mount something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Mounts: what the program mounts is seen by nobody else, and ends with it.
    pub mount: bool,
    /// System V IPC and POSIX message queues.
    pub ipc: bool,
}

/// A program to start.
#[derive(Debug)]
pub struct Command {
    /// The program and its arguments. A program without `/` is looked up in the `PATH` of `env`, or where a shell
    /// would look without one.
    pub argv: Vec<OsString>,
    /// The whole environment: nothing is inherited.
    pub env: Vec<(OsString, OsString)>,
    /// The working directory; the caller's own if `None`.
    pub cwd: Option<PathBuf>,
    /// Standard input.
    pub stdin: Stream,
    /// Standard output.
    pub stdout: Stream,
    /// Standard error.
    pub stderr: Stream,
    /// As whom to run; the caller if `None`.
    pub owner: Option<Owner>,
    /// Limits per process.
    pub rlimits: Vec<Rlimit>,
    /// The control group to be born in.
    pub cgroup: Option<Entry>,
    /// Namespaces of its own.
    pub namespaces: Namespaces,
    /// Whether it founds a session, and with it a process group: then no terminal's Ctrl-C reaches it, and it can be
    /// signalled with its children.
    pub new_session: bool,
    /// Whether set-user-id programs and file capabilities give it nothing.
    pub no_new_privs: bool,
    /// Whether it is killed when the **thread** that starts it ends.
    pub die_with_parent: bool,
}

impl Command {
    /// A program with nothing: no environment, all streams `/dev/null`.
    pub fn new(argv: impl IntoIterator<Item = impl Into<OsString>>) -> Command {
        Command {
            argv: argv.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            cwd: None,
            stdin: Stream::Null,
            stdout: Stream::Null,
            stderr: Stream::Null,
            owner: None,
            rlimits: Vec::new(),
            cgroup: None,
            namespaces: Namespaces::default(),
            new_session: false,
            no_new_privs: false,
            die_with_parent: false,
        }
    }

    /// Starts the program, and returns when it runs. The caller must wait for it, by [`PidFd::wait`] or
    /// [`crate::process::reap`].
    ///
    /// It blocks for as long as the kernel needs to load the program: well under a millisecond from a local disk.
    ///
    /// # Errors
    /// [`Error`] says which step failed; then nothing runs and nothing is left to wait for.
    pub fn start(self) -> Result<PidFd, Error> {
        let prepared = prepare::prepare(self)?;
        let (mut failures, report) = pipe()?;
        let child = clone::clone(&prepared, &report)?;
        drop(report);
        match read_failure(&mut failures) {
            None => Ok(child),
            Some((step, errno)) => {
                // The child ends by itself right after its report. A caller that reaps all children in another
                // thread may have taken the status already.
                let _status = child.wait();
                Err(prepared.explain(step, errno))
            }
        }
    }
}

fn pipe() -> Result<(File, OwnedFd), Error> {
    let (reader, writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)
        .map_err(|errno| Error::start(errno.into()))?;
    // A caller without standard streams would get descriptors that the child needs for its own.
    Ok((File::from(reader), streams::above_standard(writer)?))
}

/// What the child reported; nothing if the pipe closed because the program started.
fn read_failure(pipe: &mut File) -> Option<(Step, i32)> {
    let mut report = [0; child::REPORT_BYTES];
    pipe.read_exact(&mut report).ok()?;
    Some(child::read_report(report))
}
