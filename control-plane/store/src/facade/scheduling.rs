//! Partitions, their cells, and commits.

use insula_types::membership::Claim;
use insula_types::record::CellRow;
use insula_types::{CellId, Epoch, PartitionId, Time};

use super::Store;
use crate::rows::{cell, mark};
use crate::{CellRecords, CommitError, CommitNo, Error, Head, InputMark, Ownership};

impl Store {
    /// Takes a partition: from here on nobody commits to it in an older epoch.
    ///
    /// Every load begins with this, also one by the same process after a failed commit (rule R2).
    /// The epoch is above all that were ever given and at least the unix time in milliseconds, so
    /// that a restored backup cannot give one again (rule R5). In a data directory the lock is the
    /// lease, and the claim is not looked at.
    ///
    /// # Errors
    /// [`Error::Leased`] while the lease of another replica lives; [`Error::NewerFormat`] if a newer
    /// build owned the partition; [`Error::Database`] if the database does not do it.
    pub async fn take(&self, partition: PartitionId, claim: &Claim) -> Result<Ownership, Error> {
        match self {
            Self::Sqlite(store) => store.take(partition).await,
            Self::Postgres(store) => store.take(partition, claim).await,
        }
    }

    /// A partition's head, if it was ever owned.
    ///
    /// # Errors
    /// If the database does not answer, or a newer build wrote it.
    pub async fn head(&self, partition: PartitionId) -> Result<Option<Head>, Error> {
        let query = mark::head(partition);
        self.first(query, "read a partition's head", mark::decode_head)
            .await
    }

    /// The highest inputs applied, by sender.
    ///
    /// # Errors
    /// If the database does not answer, or a row cannot be read.
    pub async fn input_marks(&self, partition: PartitionId) -> Result<Vec<InputMark>, Error> {
        let query = mark::load(partition);
        self.all(query, "read input marks", mark::decode).await
    }

    /// Makes all changes, or none of them, durable as the commit that follows `commit_no`.
    ///
    /// The last statement moves the partition's head and finds it only under the given epoch and
    /// number; so an owner that was paused cannot write behind its successor's back.
    ///
    /// Not cancel-safe: whether a commit happened whose future was dropped is unknown. After any
    /// error the caller takes the partition anew and loads; a commit is never tried again.
    ///
    /// # Errors
    /// See [`CommitError`]; only [`CommitError::OutcomeUnknown`] leaves open what happened.
    pub async fn commit(
        &self,
        partition: PartitionId,
        epoch: Epoch,
        commit_no: CommitNo,
        cells: &[CellRecords],
        marks: &[InputMark],
    ) -> Result<CommitNo, CommitError> {
        match self {
            Self::Sqlite(store) => {
                store
                    .commit(partition, epoch, commit_no, cells, marks)
                    .await
            }
            Self::Postgres(store) => {
                store
                    .commit(partition, epoch, commit_no, cells, marks)
                    .await
            }
        }
    }

    /// Makes a cell of the partition; does nothing if it exists.
    ///
    /// # Errors
    /// If the database does not do it.
    pub async fn create_cell(
        &self,
        cell: &CellId,
        partition: PartitionId,
        row: &CellRow,
    ) -> Result<(), Error> {
        let query = cell::create(cell, partition, row);
        self.execute(query, "create a cell").await?;
        Ok(())
    }

    /// The latest time that any of a partition's cells persisted; 0 if it has none.
    ///
    /// # Errors
    /// If the database does not answer, or a row cannot be read.
    pub async fn latest_time(&self, partition: PartitionId) -> Result<Time, Error> {
        let query = cell::latest(partition);
        let row = self.first(query, "read the time of cells", cell::decode);
        Ok(row.await?.map_or(Time::default(), |row| row.time))
    }

    /// The cells of a partition, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn cells(&self, partition: PartitionId) -> Result<Vec<CellId>, Error> {
        let query = cell::of_partition(partition);
        self.all(query, "list cells", cell::decode_id).await
    }
}
