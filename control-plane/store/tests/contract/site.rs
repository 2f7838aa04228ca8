//! Places where a store can be, and the handles that the tests hold on it.

use insula_store::{CellRecords, CommitError, CommitNo, Options, Ownership, Store};
use insula_types::record::{CellRow, Record};
use insula_types::{CellId, PartitionId, Time};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const PARTITION: PartitionId = PartitionId(0);

/// Where a store is.
pub(crate) enum Site {
    /// SQLite in a data directory, removed with this value.
    Directory(TempDir),
    /// SQLite in memory.
    Memory,
}

impl Site {
    /// Every site.
    pub(crate) fn all() -> Vec<Self> {
        vec![Self::durable(), Self::Memory]
    }

    /// One that outlives its handles.
    pub(crate) fn durable() -> Self {
        Self::Directory(tempfile::tempdir().unwrap())
    }

    pub(crate) fn directory(&self) -> &std::path::Path {
        match self {
            Self::Directory(directory) => directory.path(),
            Self::Memory => panic!("a store in memory has no directory"),
        }
    }

    /// Opens the store, which has the cell of [`cell`].
    pub(crate) async fn open(&self) -> Store {
        let store = match self {
            Self::Directory(directory) => Store::open(directory.path(), Options::default())
                .await
                .unwrap(),
            Self::Memory => Store::in_memory().await.unwrap(),
        };
        let row = CellRow {
            seed: u64::MAX - 1,
            time: Time(5),
        };
        store.create_cell(&cell(), PARTITION, &row).await.unwrap();
        store
    }

    /// A second store beside one that is open, as if the lock did not exist. It gives up soon when
    /// the other one is in the midst of a transaction.
    pub(crate) async fn open_beside(&self) -> Store {
        let options = Options {
            busy_timeout: Duration::from_millis(20),
            ..Options::default()
        };
        Store::open_shared(self.directory(), options).await.unwrap()
    }
}

pub(crate) fn cell() -> CellId {
    CellId::from("default")
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
    let owner = store.take(PARTITION).await.unwrap();
    commit(store, &owner, owner.commit_no, records)
        .await
        .unwrap()
}
