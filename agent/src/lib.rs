//! The agent: what runs on a customer's machine.
//!
//! It dials out to the control plane, offers what the machine has, and runs what it is told to:
//! native commands as processes of the [`shepherd`], and Wasm modules in executor processes, one
//! for each framework. Nobody dials it.
//!
//! What it promises:
//! - What it decides is decided by [`insula_agent_core`], which is pure; this crate has the clock,
//!   the journal, the connections and the processes, and one loop ([`run`]) that feeds the core and
//!   carries out its effects in their order, each behind the write that must be durable first.
//! - Tasks outlive it. The shepherd keeps them, the journal knows them, and the next agent in the
//!   same work directory adopts them with their status updates intact.
//! - It trusts one server: the one whose authority's fingerprint came with its join token.
//! - What cannot run fails with a sentence that says why; nothing asked for is silently left out.
//!
//! What it refuses: to listen on the network, to run a launch twice, to obey a control plane whose
//! epoch is lower than one that it obeyed before.
//!
//! How a caller drives it: build [`Options`], and await [`run`] with a future that is ready when the
//! agent is to stop. The caller's program must also be able to become the shepherd: on the hidden
//! subcommand that [`Options::shepherd`] names, it calls [`shepherd::run`] and nothing else. With
//! [`WasmPrograms`], it names the programs that become the wasm executor and compiler.
//!
//! The work directory (mode 0711; what is secret in it is 0600):
//! ```text
//! agent.lock      one agent at a time          sandboxes/   a directory for each launch
//! identity.json   key, certificate, ids        artifacts/   compiled modules
//! journal         launches, updates, marks     shepherd/    the shepherd's own
//! ```

mod arguments;
mod clock;
mod driver;
mod error;
mod figures;
mod identity;
mod journal;
mod native;
mod options;
mod output;
mod resources;
mod run;
mod session;
pub mod shepherd;
mod task;
mod wasm;
mod work_dir;

pub use arguments::{ArgumentError, Arguments};
pub use error::Error;
pub use identity::Error as IdentityError;
pub use journal::Error as JournalError;
pub use options::{Cgroups, Options, ShutdownMode, WasmPrograms};
pub use resources::detect as machine_resources;
pub use run::{run, telemetry};
pub use wasm::EXECUTOR_TOKEN;

/// The agent's version, as it tells the control plane.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
