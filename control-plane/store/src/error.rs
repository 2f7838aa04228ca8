//! What can go wrong between the control plane and its store.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use insula_types::{CellId, Epoch, PartitionId, ReplicaId};
use sqlx::postgres::{PgDatabaseError, PgSeverity};

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
    /// The Postgres server cannot be reached, or does not let us in.
    #[error("cannot connect to {server}")]
    Connect {
        /// Which database, and where.
        server: String,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
    /// The Postgres server may forget what it acknowledged (rule R5).
    #[error(
        "the Postgres server runs with {setting} = off, and would lose tasks in a crash; turn {setting} on"
    )]
    Forgetful {
        /// The setting.
        setting: String,
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
    /// A text has no place in a Postgres database.
    #[error("column {column} of table {table} cannot hold a text with a NUL character")]
    Nul {
        /// Where it should have gone.
        table: &'static str,
        /// The column.
        column: &'static str,
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
    /// Another replica owns the partition, and its lease lives.
    #[error("partition {} is leased to replica {by}", .partition.0)]
    Leased {
        /// Which partition.
        partition: PartitionId,
        /// Its owner.
        by: ReplicaId,
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
    /// The number of partitions cannot be changed once a database is made: cells would not be found.
    #[error(
        "the database was made with {found} partitions and cannot have {wished}; leave the number out, or use another database"
    )]
    PartitionsFixed {
        /// How many there are.
        found: u16,
        /// How many were asked for.
        wished: u16,
    },
    /// There is no such partition.
    #[error(
        "there is no partition {}: the database has {partitions}, numbered from 0",
        .partition.0
    )]
    PartitionUnknown {
        /// The one that was asked for.
        partition: PartitionId,
        /// How many there are.
        partitions: u16,
    },
    /// An epoch was given that would leave too few above it.
    #[error(
        "epoch {above} is no epoch that this service gave: the highest that is accepted is {max}"
    )]
    EpochTooHigh {
        /// The epoch that was given.
        above: Epoch,
        /// The highest that is accepted.
        max: Epoch,
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

impl CommitError {
    /// Whether the rows of the commit are at fault, so that parts of it may succeed where the whole
    /// did not: the driver bisects it by cell (rule R11). Nothing was written then.
    #[must_use]
    pub fn is_data_error(&self) -> bool {
        match self {
            Self::Failed { source, .. } => source.is_data_error(),
            Self::Fenced { .. } | Self::OutcomeUnknown { .. } => false,
        }
    }
}

impl Error {
    /// Whether the database was not reached or went away: the same may succeed in a moment.
    #[must_use]
    pub fn is_away(&self) -> bool {
        match self {
            Self::Connect { .. } => true,
            Self::Database {
                source: sqlx::Error::Database(_),
                ..
            } => self.is_fatal(),
            Self::Database { source, .. } => matches!(
                source,
                sqlx::Error::Io(_)
                    | sqlx::Error::Tls(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::WorkerCrashed
            ),
            _ => false,
        }
    }

    /// Whether the Postgres server ended the session with these words.
    fn is_fatal(&self) -> bool {
        self.postgres()
            .is_some_and(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic))
    }

    /// Whether a value is at fault, rather than the database.
    fn is_data_error(&self) -> bool {
        match self {
            Self::Nul { .. }
            | Self::TooLarge { .. }
            | Self::Missing { .. }
            | Self::CellUnknown(_) => true,
            Self::Database { source, .. } => is_data_error(source),
            _ => false,
        }
    }

    /// Whether the Postgres server said no and stayed: then the transaction certainly did not
    /// happen, not even if that was the answer to COMMIT. Words with which it ends the session say
    /// nothing of the kind.
    pub(crate) fn is_refusal(&self) -> bool {
        self.postgres()
            .is_some_and(|error| matches!(error.severity(), PgSeverity::Error))
    }

    /// Whether the fence refused a commit. The code is that of the functions `begin_commit` and
    /// `move_head`.
    pub(crate) fn is_fence(&self) -> bool {
        self.postgres().is_some_and(|error| error.code() == "IF001")
    }

    fn postgres(&self) -> Option<&PgDatabaseError> {
        match self {
            Self::Database { source, .. } => source.as_database_error()?.try_downcast_ref(),
            _ => None,
        }
    }
}

/// Postgres: data exceptions, violated constraints, exceeded limits (as of an index entry). SQLite:
/// too large, violated constraints, mismatched types.
fn is_data_error(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else {
        return false;
    };
    let code = error.code().unwrap_or_default();
    if error.try_downcast_ref::<PgDatabaseError>().is_some() {
        return ["22", "23", "54"]
            .iter()
            .any(|class| code.starts_with(class));
    }
    // The lowest byte of an extended code is the primary one.
    code.parse()
        .is_ok_and(|code: u32| matches!(code & 0xff, 18..=20))
}

/// Names an operation for [`Error::Database`].
pub(crate) fn failed_to(operation: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |source| {
        FAILURES.fetch_add(1, Ordering::Relaxed);
        Error::Database { operation, source }
    }
}

/// See [`failures`].
static FAILURES: AtomicU64 = AtomicU64::new(0);

/// How often a database did not do what it was asked for, in all of this process; for metrics.
#[must_use]
pub fn failures() -> u64 {
    FAILURES.load(Ordering::Relaxed)
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}
