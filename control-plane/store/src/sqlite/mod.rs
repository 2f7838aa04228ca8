//! The store in SQLite: one file, one writer, a few readers.

mod agent;
mod authority;
mod cell;
mod changes;
mod columns;
mod commit;
mod enrollment;
mod framework;
mod load;
mod lock;
mod migrate;
mod module;
mod open;
mod partition;
mod request;
mod retention;
mod role;
mod task;
mod values;
mod view;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use sqlx::{Sqlite, SqlitePool, Transaction};

pub use authority::Authority;
pub use enrollment::{Admission, AgentIdentity, EnrollmentToken, Sha256};
pub use module::{Module, ModuleKind, Upload};
pub use open::{Durability, Options};

use crate::Error;
use crate::error::failed_to;

/// The rows that are the truth, in one SQLite database. Cheap to clone.
///
/// Commits go through one connection, in turn; reads go through a few others and wait for nobody.
/// The lock of the data directory is held until the last clone is gone.
#[derive(Debug, Clone)]
pub struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    modules: Option<Arc<Path>>,
    _lock: Option<Arc<File>>,
}

impl Store {
    /// Begins to write. The write lock is taken at once, so that a transaction that has begun
    /// cannot fail for want of it later.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed_to("begin to write"))
    }

    /// Closes all connections and waits for it; a crash instead loses nothing either.
    pub async fn close(self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
