//! For programs that run as Insula tasks, on the host or in WebAssembly.
//!
//! A task is an ordinary program: it has arguments, an environment, standard streams, a directory
//! and an exit code, natively as in WASI. Nothing of this crate is needed to write one. What it adds
//! is small, depends on nothing, and builds for every target that has `std`:
//!
//! - [`Task`]: who this task is, read from the environment that the agent sets. A program can be
//!   tried out without Insula; [`Task::current`] then says that there is none.
//! - [`run`] and [`Failure`]: an exit code of your choice with a sentence on stderr, where
//!   `insula logs` and the task's last status show it.
//!
//! ```
//! use insula_sdk::{Failure, Task};
//!
//! fn greet() -> Result<(), Failure> {
//!     let name = match Task::current() {
//!         Ok(task) => task.id,
//!         Err(_) => "nobody".to_owned(),
//!     };
//!     std::io::Write::write_all(&mut std::io::stdout(), format!("hello from {name}\n").as_bytes())?;
//!     Ok(())
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     insula_sdk::run(greet)
//! }
//! ```
//!
//! Host interfaces beyond WASI (key-value, messaging, coordination) do not exist yet, and so this
//! crate has no word about them.

mod failure;
mod task;

pub use failure::{Failure, run};
pub use task::{NotATask, Task, TraceContext};
