//! Group commit for the cells of a partition: many steps become one transaction, and nothing is said
//! before what it rests on is durable.
//!
//! A [`Pipeline`] owns one [`insula_kernel::Kernel`] for each cell of a partition. It is as pure as they
//! are: it makes no call and waits for nothing; the driver (or the simulator) moves values between it
//! and the store. It promises:
//!
//! - **One commit in flight** for the whole partition (rule R2). Steps made meanwhile form the next batch,
//!   and how far the kernels may run ahead of the truth is bounded: while [`Pipeline::is_full`], stop
//!   reading inputs.
//! - **A cell's effects leave in step order**, those of a step only when the records of all steps up to it
//!   are committed (rule R3). A batch without records runs the fence alone, so that an owner that has
//!   lost its partition without noticing says nothing; where the fence cannot be lost (SQLite, rule R8)
//!   such a batch leaves at once. Cells share nothing, so between them there is no order.
//! - **Offers may leave on the lease alone**, and so may rescinds and answers to calls about offers, if
//!   nothing of their cell waits for a commit: not before the SUBSCRIBED of their session, and never in
//!   another order. While the lease is in doubt they wait for the fence as everything else.
//! - **Inputs are applied once** (rule R4): an input at or below its sender's mark is ignored, and marks
//!   are stored in the transaction of what they stand for.
//! - **A failed commit ends it.** The kernels are ahead of the truth then; everything that was not
//!   committed is dropped, and every further call says [`Poisoned`]. The driver takes a new epoch and
//!   loads again; it never tries the commit again.
//! - **Cells cannot hurt each other** (rule R11). A kernel that panics is taken out alone; a commit that the
//!   database refuses for what it says is divided by cell until the guilty one is alone, and the others'
//!   changes are committed. [`fair::Turns`] shares the driver's time between cells.
//!
//! # Driving it
//!
//! 1. While not [`Pipeline::is_full`], feed inputs with [`Pipeline::input`]; when
//!    [`Pipeline::next_timeout`] has passed and no input of that cell is queued, feed
//!    [`insula_kernel::Input::Timer`].
//! 2. [`Pipeline::poll_release`] until there is nothing, and deliver.
//! 3. [`Pipeline::poll_commit`]; if there is one, begin the transaction and go on with 1.
//! 4. When it ends, [`Pipeline::committed`] or [`Pipeline::commit_failed`], or [`Pipeline::commit_refused`] if
//!    the database refused what it says. Whether a commit happened after a lost connection is read from
//!    the head, never guessed (rule R2).
//!
//! What a kernel refuses becomes an answer here: a reply where the input asked for one, the end of the
//! session where an agent spoke out of turn. What no kernel saw ([`InputError`]) the driver answers.
//!
//! A cell that was taken out is loaded from its rows once it no longer [`Pipeline::is_being_committed`],
//! resumes the numbering that was given back with it, and is added again. Its sessions end: what the
//! dropped kernel would have told them is lost.
//!
//! # Who owns what
//!
//! [`lease`] has the decisions that replicas take about partitions, as pure as the rest: how long an
//! owner may believe in its lease, and which partitions a replica takes and gives away.

pub mod batch;
mod cells;
mod coalesce;
mod envelope;
pub mod fair;
pub mod lease;
mod part;
mod pipeline;
mod refusal;
mod release;
mod step;

pub use batch::{Commit, Mark, Marks, Released, SenderId};
pub use envelope::{Envelope, InputError, Poisoned, Removed};
pub use pipeline::{Limits, Pipeline};
pub use step::Occupied;
