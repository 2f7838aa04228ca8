//! The store: where the truth is, and the only crate that names a database.
//!
//! A [`Store`] keeps two kinds of rows, in a data directory that one process owns (SQLite), or in a
//! database that replicas share (Postgres). The *scheduling* rows are those that a
//! kernel is loaded from (rule R7): cells, roles, agents, frameworks, tasks, requests. Only the owner
//! of a partition changes them, by commits. The *service* rows are what the control plane knows
//! beside that: certificate authorities, enrollment tokens, agents' identities, modules.
//!
//! How an owner drives it:
//!
//! 1. [`Store::open`] a directory. Its lock stands for the lease: a second process is refused with a
//!    sentence that names the first. Or [`Store::connect`] to a database; then leases are rows, which
//!    [`Store::beat`] renews and [`Store::give`] ends.
//! 2. [`Store::take`] the partition. That gives a new epoch, above all before it, and the number of
//!    the last commit. **Nobody commits in an older epoch from here on**, and no transaction of a
//!    former owner stands in the way.
//! 3. [`Store::load`] each cell: one snapshot, sorted by key.
//! 4. [`Store::commit`], one at a time, each naming the epoch and the number that it follows. All of
//!    a commit happens or nothing; the last statement is the fence (rule R1).
//! 5. After any error of a commit: drop what is in memory, and begin again at 2. A commit is never
//!    tried again; whether one of unknown outcome happened is read from the number (rule R2). Only
//!    where [`CommitError::is_data_error`] says that a row is at fault may its parts follow the same
//!    number, each by itself (rule R11).
//!
//! Lists for the API ([`Store::tasks`], [`Store::agents`], …) come a page at a time, each with the
//! commit that it is as of, so that a snapshot joins the events that follow without a gap
//! (rule R13). History is kept within bounds by calling [`Store::prune`] now and then.
//!
//! Promises: what `commit` acknowledged survives the end of the process, however it ends; with
//! [`Durability::Power`] and in Postgres that of the machine as well, and a server that is set up to
//! forget is refused. A database or row that a newer build wrote is refused, never guessed at.
//! Nothing read from a database is believed before it was checked.
//!
//! [`Store`] is an enum of the two. What they share is written once: tables and columns, and the SQL
//! that both understand (`rows`, `service`). What differs stands in a module for each: how many rows
//! go into one statement, and how owners are kept apart. One contract suite (`tests/contract/`) runs
//! on both.

mod digest;
mod error;
mod facade;
mod membership;
mod page;
mod partition;
mod postgres;
mod rows;
mod service;
mod sqlite;
mod steps;

pub use digest::{Digest, NotADigest};
pub use error::{CommitError, Error, failures};
pub use facade::{Connections, Store};
pub use membership::{PARTITIONS_DEFAULT, partition_of};
pub use page::{PAGE_ROWS_MAX, Page, Retention, TaskFilter, TaskGroup};
pub use partition::{CellRecords, CommitNo, Head, InputMark, Ownership};
pub use postgres::PostgresOptions;
pub use service::{
    Admission, AgentIdentity, Authority, EnrollmentToken, Module, ModuleBytes, ModuleKind, Sha256,
    Upload,
};
pub use sqlite::{Durability, Options};
