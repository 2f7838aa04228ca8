//! What Insula asks of Linux: processes, control groups, locks and facts about the machine.
//!
//! This crate is the one place of the agent where system calls are made by hand. It knows nothing of tasks,
//! frameworks or messages; it takes plain values, does one thing with the kernel, and says in a sentence what
//! went wrong.
//!
//! What it promises:
//! - [`spawn`] starts a program from a plain [`spawn::Command`]. Nothing is inherited that was not given: no
//!   descriptor, no variable, no signal setting. A program that cannot be started is an error of the call, with
//!   the step that failed, never an exit status.
//! - [`cgroup`] finds out what this machine can enforce ([`cgroup::Plan`]) and says for each limit that it cannot
//!   enforce *why*. A [`cgroup::Group`] holds one task; killing it leaves no process behind, whatever the task did.
//! - [`process`] names processes so that a reused process id is never mistaken for the old one, waits for them,
//!   and kills whole trees where no control group is available.
//! - [`machine`] reads what the machine has, and [`lock`] makes a directory the property of one process.
//!
//! What it refuses:
//! - It never creates or writes anything in a cgroup v1 `memory` hierarchy unless a parent group was named for it
//!   explicitly ([`cgroup::Delegation::memory_v1`]): on machines that still use v1, that hierarchy usually belongs
//!   to whatever runs the machine.
//! - It has no thread, no clock of its own beyond bounded retries, and no asynchronous code. A caller with an event
//!   loop polls descriptors ([`process::PidFd`]) and handles `SIGCHLD`.
//!
//! How a caller drives it: detect a [`cgroup::Plan`] once, open a [`cgroup::Parent`] below it, create one
//! [`cgroup::Group`] per task, pass the group's [`cgroup::Entry`] to [`spawn::Command::start`], and collect the end
//! with [`process::reap`]. Then [`cgroup::Group::kill`] until [`cgroup::Group::is_populated`] is false, and
//! [`cgroup::Group::remove`].
//!
//! `unsafe` stands only around single system calls that the crate `nix` does not have, and in what the child runs
//! between its birth and its program ([`spawn`]), each with the reason why it is sound.

pub mod cgroup;
pub mod clock;
pub mod fifo;
pub mod lock;
pub mod machine;
pub mod process;
pub mod spawn;
