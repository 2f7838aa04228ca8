//! What can go wrong between the control plane and its store.

use std::path::PathBuf;

use insula_types::{CellId, Epoch, PartitionId};

use crate::CommitNo;

/// A failure of anything but a commit.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process owns the data directory.
    #[error(
        "data directory {directory} is in use by {}; stop that process or choose another data directory",
        holder(*.pid)
    )]
    InUse {
        /// The data directory.
        directory: PathBuf,
        /// The process that holds its lock, if it left its number.
        pid: Option<u32>,
    },
    /// A file or directory of the store cannot be used.
    #[error("cannot {action} {path}")]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open the database {path}")]
    Open {
        /// Its file.
        path: PathBuf,
        /// The database's own words.
        #[source]
        source: sqlx::Error,
    },
    /// A newer build wrote here.
    #[error(
        "{what} was written in format {found}, but this build knows formats up to {known}; start the newer version of insula that wrote it"
    )]
    NewerFormat {
        /// What was read.
        what: String,
        /// The format of what was read.
        found: i64,
        /// The highest format that this build reads.
        known: i64,
    },
    /// The database's tables cannot be brought to the shape that this build needs.
    #[error("cannot migrate the database")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The database did not do what it was asked for.
    #[error("the database failed to {operation}")]
    Database {
        /// What it was asked for.
        operation: &'static str,
        /// Its own words.
        #[source]
        source: sqlx::Error,
    },
    /// A row cannot be read back.
    #[error(
        "column {column} of a row in table {table} cannot be read: the database is damaged, or something else wrote to it"
    )]
    Damaged {
        /// Where the row is.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What is wrong with its value.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A number has no place in the database's signed integers.
    #[error("table {table} cannot hold the number {number}: the largest is 2^63 - 1")]
    TooLarge {
        /// Where it should have gone.
        table: &'static str,
        /// The number.
        number: u64,
    },
    /// A row that must exist does not.
    #[error("no row of table {table} matches: {what}")]
    Missing {
        /// Where the row should be.
        table: &'static str,
        /// Which row.
        what: String,
    },
    /// There is no such cell.
    #[error("cell {0} does not exist")]
    CellUnknown(CellId),
    /// A module is larger than is accepted.
    #[error("the module has more than {max} bytes")]
    ModuleTooLarge {
        /// The limit, in bytes.
        max: u64,
    },
    /// The store is in memory and has no directory for module files.
    #[error("a store in memory keeps no modules; open one in a data directory")]
    NoModules,
}

/// A commit that did not succeed. The kernel that made it is ahead of the truth in every case: drop
/// it and load anew under a new epoch (rule R2).
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The partition has another owner, or another number. Nothing was written.
    #[error(
        "partition {} is no longer owned in epoch {epoch} at commit {commit_no}; another owner has taken it",
        .partition.0
    )]
    Fenced {
        /// Which partition.
        partition: PartitionId,
        /// The epoch that was given.
        epoch: Epoch,
        /// The number that was expected.
        commit_no: CommitNo,
    },
    /// The database did not say whether it committed; only the number in the partition's head can
    /// tell, and taking the partition anew reads it.
    #[error("the database did not say whether commit {} happened", .commit_no.next())]
    OutcomeUnknown {
        /// The number that the commit followed.
        commit_no: CommitNo,
        /// The database's own words.
        #[source]
        source: Error,
    },
    /// Certainly nothing was written.
    #[error("commit {} was not written", .commit_no.next())]
    Failed {
        /// The number that the commit would have followed.
        commit_no: CommitNo,
        /// Why.
        #[source]
        source: Error,
    },
}

/// Names an operation for [`Error::Database`].
pub(crate) fn failed_to(operation: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |source| Error::Database { operation, source }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}
