//! The shepherd: one small process per agent that outlives the agent and keeps all its native tasks.
//!
//! The agent may be upgraded, restarted or killed; the processes of its tasks must not notice. So another process is
//! their parent: the shepherd starts them, waits for them, ends them with all they started, and remembers how they
//! ended until the agent says that it knows. It is a re-execution of the agent's own program (`… shepherd --dir D`),
//! runs on one thread, and does nothing else.
//!
//! Rules that never break:
//! - **At most once.** An id that was ever asked to start is not started again until it is forgotten, whatever is
//!   repeated and whoever dies: the intention is in the log before the process exists. Asking again gives the
//!   task's state again.
//! - **Nothing is lost.** An end is in the log before it is told. After every [`Event::Welcome`] the agent holds the
//!   state of every task that it has not forgotten.
//! - **Nothing is left.** When a task's main process ends, all it started is killed, and its control group removed,
//!   before the end is told. A shepherd that finds what a dead one left kills it and tells it as lost: it cannot be
//!   waited for any more.
//!
//! ```text
//! Start ──► log "starting" ──► group, clone, exec ──► log "started" ──► Started
//!              │                      └─ error ─────► log ────────────► StartFailed
//! main ends ──►│ kill the rest, wait until none ─────► log "exited" ──► Exited … Forget
//! Kill ────────► SIGTERM to the process group, after the grace SIGKILL to all
//! ```
//!
//! The agent's side is [`Client`]: it connects, starts a shepherd where there is none, and connects again. What the
//! two say to each other are lines of JSON ([`Request`], [`Event`]) on a Unix socket that only the user can open.
//! The files are in one directory, which one shepherd owns (`shepherd.lock`): the socket, `identity.json`,
//! `tasks.jsonl` (the log of starts and ends) and `shepherd.log` (what it has to say to people).

mod client;
mod error;
mod herd;
mod hold;
mod journal;
mod launch;
mod lines;
mod options;
mod protocol;
#[cfg(test)]
mod protocol_tests;
mod recover;
mod run;
mod serve;
mod socket;
mod start;

pub use client::Client;
pub use error::Error;
pub use launch::{Program, spawn};
pub use options::Options;
pub use protocol::{
    Enforced, Event, Exited, Kind, Limits, REQUESTS, Request, Run, StartFailed, StartSpec, Started,
    Status, Stdin, TaskState, VERSION, Welcome,
};
pub use run::run;
