//! The store in SQLite: one file, one writer, a few readers.

mod commit;
mod lock;
mod membership;
mod migrate;
mod module;
mod open;
mod partition;
pub(crate) mod read;
mod retention;
mod write;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use sqlx::{Sqlite, SqlitePool, Transaction};

pub(crate) use module::{Incoming, Outgoing};
pub use open::{Durability, Options};

use self::membership::SoleReplica;
use crate::Error;
use crate::error::failed_to;
use crate::rows::task::Places;

/// The archived ones lie among the live ones; an index finds these without passing through history.
pub(crate) const PLACES: Places = Places {
    live: "(SELECT * FROM task WHERE archived = 0) AS task",
    all: "task",
};

/// The rows that are the truth, in one SQLite database. Cheap to clone.
///
/// Commits go through one connection, in turn; reads go through a few others and wait for nobody.
/// The lock of the data directory is held until the last clone is gone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
    modules: Option<Arc<Path>>,
    replica: SoleReplica,
    _lock: Option<Arc<File>>,
}

impl Store {
    /// Begins to write. The write lock is taken at once, so that a transaction that has begun
    /// cannot fail for want of it later.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed_to("begin to write"))
    }

    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        let begun = self.readers.begin().await;
        begun.map_err(failed_to("begin to read"))
    }

    pub async fn close(self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
