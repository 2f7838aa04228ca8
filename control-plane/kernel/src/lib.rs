//! The kernel: a pure state machine that schedules one cell.
//!
//! A cell is one organization's pool of machines. The kernel decides who is offered what, starts and
//! ends tasks, and keeps frameworks and agents informed, with the semantics of Apache Mesos 1.11 where
//! `control-plane/docs` does not say otherwise. It has never heard of organizations, networks or
//! databases: everything comes in as an [`Input`] with the time, and everything to do goes out as an
//! [`Effect`].
//!
//! **The one rule.** The same rows and the same inputs at the same times give the same effects, byte for
//! byte. So there is no clock, no randomness, no I/O, no logging, no float and no unordered map in here, and
//! a run can be replayed from a seed.
//!
//! # What it promises
//!
//! - [`Kernel::step`] either applies an input or refuses it with a [`Rejection`]; a refusal changes nothing.
//! - In a step's effects all records come first, then everything that depends on them (INV-1). Nothing
//!   may leave before the records of its step and of all earlier ones are durable; that is what the
//!   pipeline sees to.
//! - The rows are the truth (rule R7): [`Kernel::load`] of what was persisted equals the durable part of
//!   the kernel that persisted it, which [`Kernel::rows`] shows. Sessions, offers, filters and answers
//!   under way are not durable and die with their epoch.
//! - One step emits a bounded number of effects (rule R12). Long work (a teardown, a reconciliation of
//!   everything, an agent out of reach) goes on in slices with each [`Input::Timer`]. Only a registering
//!   agent is answered in full: the bound on its message is the bound on that step.
//! - What must always hold is written down in `control-plane/docs/invariants.md`, and
//!   [`invariant::check`] checks it.
//!
//! # Driving it
//!
//! 1. Load under a new epoch.
//! 2. Step the inputs that are queued, in the order of their arrival.
//! 3. When none is queued and [`Kernel::next_timeout`] has passed, step [`Input::Timer`]. Under steady
//!    load step it after every batch of inputs: timers may be late, but not starved.
//! 4. Make the records durable, then send, publish and reply.
//!
//! # Finding the way
//!
//! `kernel.rs` only dispatches. Verbs stand with whom they concern: `framework/` (subscribe, accept,
//! kill, …), `agent/` (register, update, lost, …), `task/` (the table of transitions, the end of a task),
//! `builtin/` (what people submit), `allocate.rs` and `rescind.rs` (offers), `work.rs` (slices),
//! `timers.rs`, `rows.rs` (load and unload), `figures.rs` (for metrics). [`allocator`] shares out what is
//! free. `why/` answers questions as data, and [`view`] shows what only a live kernel knows.
//!
//! A tenant's built-in framework has no row: it exists as soon as the tenant has a request or a task of
//! it, and is called [`insula_types::framework::BUILT_IN`].

mod agent;
mod allocate;
pub mod allocator;
mod builtin;
pub mod config;
pub mod effect;
pub mod figures;
mod framework;
pub mod input;
pub mod invariant;
mod kernel;
mod numbering;
mod offer;
mod out;
pub mod rejection;
mod rescind;
mod role;
mod rows;
mod task;
mod timers;
pub mod view;
mod why;
mod work;

pub use config::Config;
pub use effect::{Effect, Effects, Outcome};
pub use figures::Figures;
pub use input::Input;
pub use kernel::Kernel;
pub use numbering::Numbering;
pub use rejection::Rejection;
