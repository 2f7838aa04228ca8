//! The agent's decisions, without the agent.
//!
//! [`Core`] is the pure twin of the control plane's kernel: it is stepped with what happened and
//! answers with what to do. It has no clock, no randomness, no I/O and no task of its own, so the
//! daemon and the simulator drive the very same code, and a recorded run replays exactly.
//!
//! What it promises:
//! - **A launch starts at most once** (rules R22, R23). A command's number becomes durable together
//!   with its effect, before anything is started. What was under way when the agent died is never
//!   started again: either an executor has it, or it is reported `TASK_DROPPED`.
//! - **Commands are obeyed in order** and only in the session that the control plane committed. A
//!   gap, or a launch that was under way for too long, makes the agent register again; a lower
//!   epoch is refused.
//! - **A status update is durable before it is sent** and is sent until it is acknowledged: one
//!   stream per task, the next update only after the one before it.
//! - **Nothing is forgotten early**: a task stays until the control plane has acknowledged its last
//!   update with a numbered command, or a person has had a task discarded that it has no record of.
//! - **A registration is small**: it has a digest in place of the tasks of which nothing waits, and
//!   reports every task only when it is asked to (rule R25).
//!
//! How a caller drives it:
//! 1. [`Core::load`] with the records of the journal, all of them, in order.
//! 2. For each of [`Core::unrecovered`], ask the executors and step [`Input::Started`],
//!    [`Input::Ended`] or [`Input::Absent`]. The session may open before this is finished.
//! 3. [`Core::step`] with every input, then carry out the effects in their order. An effect that
//!    follows a [`Effect::Journal`] waits until that record is durable; many steps may share one
//!    write.
//! 4. Step [`Input::Timer`] when [`Core::next_timeout`] has come.
//! 5. Rewrite the journal as [`Core::records`] whenever it has grown too long.
//!
//! What it refuses ([`Refusal`]) has changed nothing. [`invariant::check`] holds after every step.

mod config;
mod core;
mod effect;
mod input;
pub mod invariant;
mod record;
mod refusal;
mod session;
mod task;
mod timers;
mod uuids;

pub use crate::core::{Core, Counts, Identity, LoadError};
pub use config::Config;
pub use effect::{Effect, Effects};
pub use input::{Absence, End, EndCause, Input, LaunchPlan};
pub use record::{Record, TaskRecord, Update};
pub use refusal::Refusal;
