//! One handle, whichever database is behind it.

mod list;
mod load;
mod membership;
mod run;
mod scheduling;
mod service;
mod write;

use std::path::Path;

use crate::{Error, Options, PostgresOptions, postgres, sqlite};

/// The rows that are the truth, in SQLite or in Postgres. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Store {
    /// One file that one process owns.
    Sqlite(sqlite::Store),
    /// A database that replicas share.
    Postgres(postgres::Store),
}

/// The connections to a database that many may ask at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// In use now.
    pub used: usize,
    /// As many can be in use; whoever wants one more waits.
    pub max: usize,
}

impl Connections {
    fn of<D: sqlx::Database>(pool: &sqlx::Pool<D>) -> Self {
        let open = usize::try_from(pool.size()).unwrap_or(usize::MAX);
        let max = usize::try_from(pool.options().get_max_connections()).unwrap_or(usize::MAX);
        Self {
            used: open.saturating_sub(pool.num_idle()),
            max,
        }
    }
}

impl Store {
    /// What the database is called in the conventions of OpenTelemetry (`db.system.name`).
    #[must_use]
    pub fn system(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgresql",
        }
    }

    /// How many connections are in use; with SQLite those that read.
    #[must_use]
    pub fn connections(&self) -> Connections {
        match self {
            Self::Sqlite(store) => Connections::of(&store.readers),
            Self::Postgres(store) => Connections::of(&store.pool),
        }
    }

    /// Opens the store in a data directory, which is made if it is absent, readable by its owner
    /// alone.
    ///
    /// # Errors
    /// [`Error::InUse`] if another process owns the directory, [`Error::NewerFormat`] if a newer
    /// build wrote it, else what the file system or the database says.
    pub async fn open(directory: &Path, options: Options) -> Result<Self, Error> {
        sqlite::Store::open(directory, options)
            .await
            .map(Self::Sqlite)
    }

    /// Opens a second store on a directory that another one owns: how tests show that the fence
    /// alone keeps two owners apart. Nothing else may use it.
    ///
    /// # Errors
    /// As for [`Store::open`], except that nobody is asked for the lock.
    #[doc(hidden)]
    pub async fn open_shared(directory: &Path, options: Options) -> Result<Self, Error> {
        sqlite::Store::open_shared(directory, options)
            .await
            .map(Self::Sqlite)
    }

    /// A store without a file, for tests: SQLite on one connection that all share. It keeps no
    /// modules, and nothing when it is dropped.
    ///
    /// # Errors
    /// If SQLite cannot start.
    pub async fn in_memory() -> Result<Self, Error> {
        sqlite::Store::in_memory().await.map(Self::Sqlite)
    }

    /// Connects to a Postgres database and brings its tables to the shape of this build.
    ///
    /// # Errors
    /// [`Error::Connect`] if it cannot be reached, [`Error::Forgetful`] if it could lose what it
    /// acknowledged, [`Error::NewerFormat`] if a newer build migrated it.
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, Error> {
        postgres::Store::connect(url, options)
            .await
            .map(Self::Postgres)
    }

    /// Closes all connections and waits for it; a crash instead loses nothing either.
    pub async fn close(self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}
