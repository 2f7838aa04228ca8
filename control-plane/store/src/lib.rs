//! The store: where the truth is, and the only crate that names a database.
//!
//! A [`Store`] keeps two kinds of rows in one data directory. The *scheduling* rows are those that a
//! kernel is loaded from (rule R7): cells, roles, agents, frameworks, tasks, requests. Only the owner
//! of a partition changes them, by commits. The *service* rows are what the control plane knows
//! beside that: certificate authorities, enrollment tokens, agents' identities, modules.
//!
//! How an owner drives it:
//!
//! 1. [`Store::open`] the directory. Its lock stands for the lease: a second process is refused with
//!    a sentence that names the first.
//! 2. [`Store::take`] the partition. That gives a new epoch, above all before it, and the number of
//!    the last commit. **Nobody commits in an older epoch from here on.**
//! 3. [`Store::load`] each cell: one snapshot, sorted by key.
//! 4. [`Store::commit`], one at a time, each naming the epoch and the number that it follows. All of
//!    a commit happens or nothing; the last statement is the fence (rule R1).
//! 5. After any error of a commit: drop what is in memory, and begin again at 2. A commit is never
//!    tried again; whether one of unknown outcome happened is read from the number (rule R2).
//!
//! Lists for the API ([`Store::tasks`], [`Store::agents`], …) come a page at a time, each with the
//! commit that it is as of, so that a snapshot joins the events that follow without a gap
//! (rule R13). History is kept within bounds by calling [`Store::prune`] now and then.
//!
//! Promises: what `commit` acknowledged survives the end of the process, however it ends, and with
//! [`Durability::Power`] that of the machine. A database or row that a newer build wrote is refused,
//! never guessed at. Nothing read from the database is believed before it was checked.
//!
//! The backend is SQLite. Postgres will stand beside it as a second module with the same tables and
//! the same contract suite (`tests/contract/`); there is no trait between them, since one process
//! uses one of them.

mod digest;
mod error;
mod page;
mod partition;
mod sqlite;

pub use digest::{Digest, NotADigest};
pub use error::{CommitError, Error};
pub use page::{PAGE_ROWS_MAX, Page, Retention, TaskFilter, TaskGroup};
pub use partition::{CellRecords, CommitNo, Head, InputMark, Ownership};
pub use sqlite::{
    Admission, AgentIdentity, Authority, Durability, EnrollmentToken, Module, ModuleKind, Options,
    Sha256, Store, Upload,
};
