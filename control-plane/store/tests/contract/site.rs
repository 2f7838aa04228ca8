//! Places where a store can be, and the handles that the tests hold on it.

use std::time::Duration;

use insula_store::{
    CellRecords, CommitError, CommitNo, Options, Ownership, PostgresOptions, Store,
};
use insula_types::membership::Claim;
use insula_types::record::{CellRow, Record};
use insula_types::{CellId, PartitionId, Span, Time};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use tempfile::TempDir;

use crate::server::Database;

pub(crate) const PARTITION: PartitionId = PartitionId(0);

/// Where a store is.
pub(crate) enum Site {
    /// SQLite in a data directory, removed with this value.
    Directory(TempDir),
    /// SQLite in memory.
    Memory,
    /// A database in Postgres, removed with this value.
    Postgres(Box<Database>),
}

impl Site {
    /// Every site.
    pub(crate) fn all() -> Vec<Self> {
        let mut sites = Self::durable();
        sites.push(Self::Memory);
        sites
    }

    /// Those that outlive their handles.
    pub(crate) fn durable() -> Vec<Self> {
        let postgres = Self::postgres();
        [Self::sqlite()].into_iter().chain(postgres).collect()
    }

    pub(crate) fn sqlite() -> Self {
        Self::Directory(tempfile::tempdir().unwrap())
    }

    /// If there is a server.
    pub(crate) fn postgres() -> Option<Self> {
        Database::create().map(|database| Self::Postgres(Box::new(database)))
    }

    pub(crate) fn directory(&self) -> &std::path::Path {
        match self {
            Self::Directory(directory) => directory.path(),
            Self::Memory | Self::Postgres(_) => panic!("only a data directory is a directory"),
        }
    }

    /// Opens the store as it is.
    pub(crate) async fn open_bare(&self) -> Result<Store, insula_store::Error> {
        match self {
            Self::Directory(directory) => Store::open(directory.path(), Options::default()).await,
            Self::Memory => Store::in_memory().await,
            Self::Postgres(database) => {
                Store::connect(&database.url(), PostgresOptions::default()).await
            }
        }
    }

    /// Opens the store, which has the cell of [`cell`].
    pub(crate) async fn open(&self) -> Store {
        let store = self.open_bare().await.unwrap();
        let row = CellRow {
            seed: u64::MAX - 1,
            time: Time(5),
        };
        store.create_cell(&cell(), PARTITION, &row).await.unwrap();
        store
    }

    /// A second store beside one that is open: for a data directory as if the lock did not exist. It
    /// gives up soon when the other one is in the midst of a transaction.
    pub(crate) async fn open_beside(&self) -> Store {
        let options = Options {
            busy_timeout: Duration::from_millis(20),
            ..Options::default()
        };
        match self {
            Self::Directory(directory) => {
                Store::open_shared(directory.path(), options).await.unwrap()
            }
            Self::Memory => panic!("a store in memory has one handle"),
            Self::Postgres(_) => self.open_bare().await.unwrap(),
        }
    }

    /// Changes the database behind the store's back.
    pub(crate) async fn tamper(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Postgres(database) => {
                let mut connection = database.connect().await;
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            }
            Self::Directory(_) | Self::Memory => {
                let path = self.directory().join("insula.db");
                let options = SqliteConnectOptions::new().filename(path);
                let mut connection = options.connect().await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            }
        }
    }
}

/// The store in a database, without any cell.
pub(crate) async fn open(database: &Database) -> Store {
    open_with(database, PostgresOptions::default())
        .await
        .unwrap()
}

pub(crate) async fn open_with(
    database: &Database,
    options: PostgresOptions,
) -> Result<Store, insula_store::Error> {
    Store::connect(&database.url(), options).await
}

pub(crate) fn cell() -> CellId {
    CellId::from("default")
}

/// Who takes partitions in tests that are not about leases.
pub(crate) fn claim() -> Claim {
    Claim {
        replica: "tester".into(),
        ttl: Span::from_secs(600),
    }
}

pub(crate) async fn take(store: &Store) -> Ownership {
    store.take(PARTITION, &claim()).await.unwrap()
}

/// Commits records of the one cell behind the commit that the owner knows.
pub(crate) async fn commit(
    store: &Store,
    owner: &Ownership,
    commit_no: CommitNo,
    records: Vec<Record>,
) -> Result<CommitNo, CommitError> {
    let cells = [CellRecords {
        cell: cell(),
        records,
    }];
    store
        .commit(owner.partition, owner.epoch, commit_no, &cells, &[])
        .await
}

/// Takes the partition and commits records at once.
pub(crate) async fn fill(store: &Store, records: Vec<Record>) -> CommitNo {
    let owner = take(store).await;
    commit(store, &owner, owner.commit_no, records)
        .await
        .unwrap()
}
