//! Opening a data directory.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlitePool};

use super::membership::SoleReplica;
use super::{Store, lock, migrate, module};
use crate::Error;
use crate::error::failed_to;

const DATABASE_NAME: &str = "insula.db";
const MODULES_NAME: &str = "modules";

/// Reads are short and the API bounds how many it runs at once; more connections than this would
/// only wait for the same disk.
const READERS: u32 = 4;

/// What a commit survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// A crash of the process, but the last commits before a power loss may be gone
    /// (`synchronous = NORMAL`).
    #[default]
    Process,
    /// A power loss as well, at the price of an fsync per commit (`synchronous = FULL`).
    Power,
}

/// How a store is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What a commit survives.
    pub durability: Durability,
    /// How long a transaction waits for another process that writes to the same file. There is none
    /// while the directory's lock is held, except for tools such as a backup.
    pub busy_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            busy_timeout: Duration::from_secs(5),
        }
    }
}

impl Store {
    /// Opens the store in a data directory, which is made if it is absent, readable by its owner
    /// alone.
    ///
    /// # Errors
    /// [`Error::InUse`] if another process owns the directory, [`Error::NewerFormat`] if a newer
    /// build wrote it, else what the file system or the database says.
    pub async fn open(directory: &Path, options: Options) -> Result<Self, Error> {
        create_directory(directory)?;
        let lock = lock::acquire(directory)?;
        let store = Self::open_shared(directory, options).await?;
        module::sweep(&directory.join(MODULES_NAME))?;
        Ok(Self {
            _lock: Some(Arc::new(lock)),
            ..store
        })
    }

    /// Opens a second store on a directory that another one owns: how tests show that the fence
    /// alone keeps two owners apart. Nothing else may use it.
    ///
    /// # Errors
    /// As for [`Store::open`], except that nobody is asked for the lock.
    #[doc(hidden)]
    pub async fn open_shared(directory: &Path, options: Options) -> Result<Self, Error> {
        let modules = directory.join(MODULES_NAME);
        create_directory(&modules)?;
        let path = directory.join(DATABASE_NAME);
        create_private(&path).map_err(|source| Error::File {
            action: "create",
            path: path.clone(),
            source,
        })?;
        let connect = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match options.durability {
                Durability::Process => SqliteSynchronous::Normal,
                Durability::Power => SqliteSynchronous::Full,
            })
            .foreign_keys(false)
            .disable_statement_logging()
            .busy_timeout(options.busy_timeout);
        let failed = |source| Error::Open {
            path: path.clone(),
            source,
        };
        let writer = pool(1, connect.clone()).await.map_err(failed)?;
        migrate_with(&writer).await?;
        let readers = pool(READERS, connect.read_only(true))
            .await
            .map_err(failed)?;
        Ok(Self {
            writer,
            readers,
            modules: Some(modules.into()),
            replica: SoleReplica::default(),
            _lock: None,
        })
    }

    /// A store without a file, for tests: the same SQL on one connection that all share. It keeps no
    /// modules, and nothing when it is dropped.
    ///
    /// # Errors
    /// If SQLite cannot start.
    pub async fn in_memory() -> Result<Self, Error> {
        let connect = SqliteConnectOptions::new()
            .in_memory(true)
            .foreign_keys(false);
        let failed = |source| Error::Open {
            path: ":memory:".into(),
            source,
        };
        let shared = pool(1, connect).await.map_err(failed)?;
        migrate_with(&shared).await?;
        Ok(Self {
            writer: shared.clone(),
            readers: shared,
            modules: None,
            replica: SoleReplica::default(),
            _lock: None,
        })
    }
}

/// Connections that stay: a connection in memory is the database itself, and one to a file would
/// only have to prepare its statements again.
async fn pool(connections: u32, connect: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(connect)
        .await
}

async fn migrate_with(writer: &SqlitePool) -> Result<(), Error> {
    let mut connection = writer
        .acquire()
        .await
        .map_err(failed_to("begin to migrate"))?;
    migrate::migrate(&mut connection).await
}

fn create_directory(directory: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|source| Error::File {
            action: "create",
            path: directory.to_owned(),
            source,
        })
}

/// SQLite gives its other files the mode of this one.
fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}
