//! The store in Postgres: one database that all replicas share.

mod commit;
mod connect;
mod deployment;
mod membership;
mod migrate;
mod module;
pub(crate) mod read;
mod recover;
mod retention;
mod sessions;
mod take;
mod write;

use std::sync::Arc;

use sqlx::{PgPool, Postgres, Transaction};

pub use connect::PostgresOptions;
pub(crate) use module::{Incoming, Outgoing};

use self::sessions::Sessions;
use crate::Error;
use crate::rows::task::Places;

/// The live ones have a table of their own, which history does not slow down.
pub(crate) const PLACES: Places = Places {
    live: "task",
    all: "any_task AS task",
};

/// The rows that are the truth, in a Postgres database. Cheap to clone.
///
/// Commits have connections of their own, so that none waits behind a list, and so have beats;
/// everything else shares the pool.
#[derive(Debug, Clone)]
pub struct Store {
    sessions: Arc<Sessions>,
    beats: Arc<Sessions>,
    pub(crate) pool: PgPool,
    partitions: u16,
}

impl Store {
    pub(crate) fn partitions(&self) -> u16 {
        self.partitions
    }

    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Postgres>, Error> {
        let begun = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        read::in_time("begin to read", self.pool.begin_with(begun)).await
    }

    pub(crate) async fn close(self) {
        self.sessions.close().await;
        self.beats.close().await;
        self.pool.close().await;
    }
}
