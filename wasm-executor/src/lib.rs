//! WebAssembly tasks: the processes that compile and run them.
//!
//! A module of WASI preview 1 or a command component of WASI 0.2 gets arguments, an environment,
//! standard streams and one folder, runs under limits of memory, wall time and output, and ends
//! with an exit code, or with a reason and the names of the functions it was in.
//!
//! Two roles, each a process of its own that an agent starts:
//!
//! 1. [`compiler`] turns one uploaded module into an artifact of machine code in a cache folder. It
//!    sees foreign input and runs none of it. A module that cannot run here is refused now, in a
//!    sentence that says what to do.
//! 2. [`executor`] runs the tasks of one framework, hundreds at a time on a few threads. It loads
//!    artifacts and can compile nothing. It connects to its agent's Unix socket, tells the states
//!    of its tasks, and survives the agent.
//!
//! What both speak is `insula/wasm/v1/executor.proto` in the crate `insula-proto`.
//!
//! Promises:
//!
//! - A launch id starts at most once while this process holds it, and its end is told, on every new
//!   connection again, until it is acknowledged.
//! - No guest can stop another: endless loops are cut into slices, waiting guests occupy no thread,
//!   and every task has limits of its own.
//! - A kill and the end of the wall time take effect whatever the guest does.
//!
//! What it refuses: the network, folders other than the task's own, the machine's environment,
//! threads, and precompiled code from anywhere but its own compiler.
//!
//! A caller builds [`compiler::Options`] or [`executor::Options`] and calls `run` first thing in a
//! new process, which confines itself before it touches anything foreign.

mod capability;
pub mod compiler;
mod engine;
pub mod executor;
mod limits;
mod module;
mod protocol;
mod run;
pub mod samples;
mod sandbox;

pub use module::Refusal;
pub use sandbox::ConfineError;
