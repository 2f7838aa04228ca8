//! Replicas, their leases, and which partition a cell belongs to.

use insula_types::membership::{Beat, Membership};
use insula_types::record::CellRow;
use insula_types::{CellId, Epoch, PartitionId, ReplicaId, Time};

use super::Store;
use crate::Error;
use crate::membership::{choose, seed};
use crate::rows::cell;

impl Store {
    /// How many partitions there are, numbered from 0. It was decided when the database was made
    /// and never changes; a data directory has one.
    #[must_use]
    pub fn partitions(&self) -> u16 {
        match self {
            Self::Sqlite(_) => 1,
            Self::Postgres(store) => store.partitions(),
        }
    }

    /// Says that a replica lives, renews its leases, and reads who else there is: one transaction,
    /// all by the database's clock (rules R6, R9, R10).
    ///
    /// A lease is renewed if it is still the replica's under the given epoch, also when it has
    /// expired but nobody took it; the lease of another is never touched. A replica that has been
    /// dead for an hour is forgotten. In a data directory the one process that holds its lock is
    /// the only replica, and holds whatever it has taken.
    ///
    /// # Errors
    /// If the database does not do it; then nothing has changed, or it is unknown whether it has:
    /// count on the leases as if nothing had been renewed.
    pub async fn beat(&self, beat: &Beat) -> Result<Membership, Error> {
        match self {
            Self::Sqlite(store) => store.beat(beat).await,
            Self::Postgres(store) => store.beat(beat).await,
        }
    }

    /// Ends a lease now, so that another replica may take the partition at once. Does nothing if
    /// the lease is no longer the replica's under that epoch.
    ///
    /// # Errors
    /// If the database does not do it; then the lease ends by itself.
    pub async fn give(
        &self,
        partition: PartitionId,
        epoch: Epoch,
        replica: &ReplicaId,
    ) -> Result<(), Error> {
        match self {
            // The lock is the lease; nobody else could take it.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(store) => store.give(partition, epoch, replica).await,
        }
    }

    /// Ends a replica's membership and all its leases, the last thing that it does.
    ///
    /// # Errors
    /// If the database does not do it; then both end by themselves.
    pub async fn leave(&self, replica: &ReplicaId) -> Result<(), Error> {
        match self {
            Self::Sqlite(store) => {
                store.leave(replica);
                Ok(())
            }
            Self::Postgres(store) => store.leave(replica).await,
        }
    }

    /// Makes a cell, unless it exists, and says in which partition it is: the given one, or else the
    /// one that [`partition_of`](crate::partition_of) chooses. A cell that exists stays where it is.
    ///
    /// # Errors
    /// [`Error::PartitionUnknown`] if there is no such partition; else if the database does not do
    /// it.
    pub async fn add_cell(
        &self,
        cell: &CellId,
        partition: Option<PartitionId>,
    ) -> Result<PartitionId, Error> {
        let partition = choose(cell, partition, self.partitions())?;
        let row = CellRow {
            seed: seed(),
            time: Time::default(),
        };
        self.create_cell(cell, partition, &row).await?;
        let query = cell::one(cell);
        let kept = self.first(query, "read a cell", cell::decode_place).await?;
        kept.map(|(_, partition)| partition)
            .ok_or_else(|| Error::CellUnknown(cell.clone()))
    }

    /// Every cell with its partition, by cell.
    ///
    /// # Errors
    /// If the database does not answer, or a row cannot be read.
    pub async fn all_cells(&self) -> Result<Vec<(CellId, PartitionId)>, Error> {
        self.all(cell::all(), "list cells", cell::decode_place)
            .await
    }

    /// Raises every epoch above `above` and above all that the database has ever seen, and returns
    /// the floor: no owner has it, and every later one is above it. Whoever owns a partition now is
    /// fenced and has lost its lease.
    ///
    /// It is the way out after a database was restored from an older state while agents, or owners
    /// that still run, know of higher epochs (rule R5).
    ///
    /// # Errors
    /// [`Error::EpochTooHigh`] if no clock comes up to `above` in this geological age; else if the
    /// database does not do it.
    pub async fn recover(&self, above: Epoch) -> Result<Epoch, Error> {
        match self {
            Self::Sqlite(store) => store.recover(above).await,
            Self::Postgres(store) => store.recover(above).await,
        }
    }

    /// Forgets the inputs applied of links that nobody will ask about any more: those of replicas
    /// that are long gone, and of those that live all but the newest; says how many. One call
    /// removes a bounded slice: any at all means that there may be more.
    ///
    /// # Errors
    /// If the database does not do it.
    pub async fn prune_marks(&self, partition: PartitionId) -> Result<u64, Error> {
        match self {
            // Senders within the process leave none (rule R8).
            Self::Sqlite(_) => Ok(0),
            Self::Postgres(store) => store.prune_marks(partition).await,
        }
    }

    /// Removes the bytes of uploads that were cut short an hour ago or earlier; says how many
    /// uploads. In a data directory that is done when it is opened.
    ///
    /// # Errors
    /// If the database does not do it.
    pub async fn sweep_uploads(&self) -> Result<u64, Error> {
        match self {
            Self::Sqlite(_) => Ok(0),
            Self::Postgres(store) => store.sweep_uploads().await,
        }
    }
}
