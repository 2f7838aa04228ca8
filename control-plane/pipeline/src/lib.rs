//! Group commit for a kernel: many steps become one transaction, and nothing is said before what it
//! rests on is durable.
//!
//! A [`Pipeline`] owns one [`insula_kernel::Kernel`]. It is as pure as the kernel: it makes no call and
//! waits for nothing; the driver (or the simulator) moves values between it and the store. It promises:
//!
//! - **One commit in flight** (rule R2). Steps made meanwhile form the next batch, and how far the
//!   kernel may run ahead of the truth is bounded: while [`Pipeline::is_full`], stop reading inputs.
//! - **Effects leave in step order**, those of a step only when the records of all steps up to it are
//!   committed (rule R3). A batch without records runs the fence alone, so that an owner that has lost
//!   its partition without noticing says nothing; where the fence cannot be lost (SQLite, rule R8) such
//!   a batch leaves at once.
//! - **Inputs are applied once** (rule R4): an input at or below its sender's mark is ignored, and marks
//!   are stored in the transaction of what they stand for.
//! - **A failed commit ends it.** The kernel is ahead of the truth then; everything that was not
//!   committed is dropped, and every further call says [`Poisoned`]. The driver takes a new epoch and
//!   loads again; it never tries the commit again.
//!
//! # Driving it
//!
//! 1. While not [`Pipeline::is_full`], feed inputs with [`Pipeline::input`]; when
//!    `kernel().next_timeout()` has passed and no input is queued, feed [`insula_kernel::Input::Timer`].
//! 2. [`Pipeline::poll_commit`]; if there is one, begin the transaction and go on with 1.
//! 3. When it ends, [`Pipeline::committed`] or [`Pipeline::commit_failed`]. Whether a commit happened after
//!    a lost connection is read from the head, never guessed (rule R2).
//! 4. [`Pipeline::poll_release`] until there is nothing, and deliver.
//!
//! What is refused becomes an answer here: a reply where the input asked for one, the end of the session
//! where an agent spoke out of turn.
//!
//! Not here yet, and where it belongs: heartbeats and offers may leave on the lease alone (rule R3); that
//! is a question asked in [`Pipeline::poll_release`] about the kind of an effect, beside the commit.

pub mod batch;
mod coalesce;
mod pipeline;
mod refusal;

pub use batch::{Commit, Mark, Marks, Released, SenderId};
pub use pipeline::{Envelope, Limits, Pipeline, Poisoned};
