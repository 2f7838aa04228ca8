//! The one replica of a data directory, which holds what it has taken for as long as it has the
//! directory's lock. So nothing of it is stored.

use std::sync::{Arc, Mutex, PoisonError};

use insula_types::membership::{Beat, LeaseRow, Membership, ReplicaRow};
use insula_types::{Epoch, PartitionId, ReplicaId, Time};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::Store;
use crate::Error;
use crate::error::failed_to;
use crate::membership::floor_of;

/// The replica that beats in this process, since its first beat.
#[derive(Debug, Clone, Default)]
pub(super) struct SoleReplica(Arc<Mutex<Option<ReplicaRow>>>);

impl SoleReplica {
    fn beat(&self, beat: &Beat, now: Time) -> ReplicaRow {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.as_ref().filter(|row| row.replica == beat.replica);
        let row = ReplicaRow {
            replica: beat.replica.clone(),
            advertise: beat.advertise.clone(),
            version: beat.version.clone(),
            state: beat.state,
            started_at: before.map_or(now, |row| row.started_at),
            seen_at: now,
            live: true,
        };
        *known = Some(row.clone());
        row
    }

    fn leave(&self, replica: &ReplicaId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.take_if(|row| row.replica == *replica);
    }
}

/// There is one source of epochs, and a row for it also before the partition was ever taken.
const HEADS: &str = "
    SELECT partition, epoch, CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS now_us
    FROM epoch_source LEFT JOIN partition_head ORDER BY partition";

const RAISE_SOURCE: &str = "
    UPDATE epoch_source SET last = max(
        last, ?1,
        (SELECT coalesce(max(epoch), 0) FROM partition_head),
        (SELECT coalesce(max(launch_epoch), 0) FROM task),
        (SELECT coalesce(max(launch_epoch), 0) FROM request),
        CAST(unixepoch('subsec') * 1000 AS INTEGER)
    ) + 1
    RETURNING last";

impl Store {
    /// Every partition that was ever taken has a lease, as in Postgres: of this replica in the epoch
    /// that it holds, else of nobody.
    pub(crate) async fn beat(&self, beat: &Beat) -> Result<Membership, Error> {
        let failed = || failed_to("read the partitions' heads");
        let rows = sqlx::query(HEADS)
            .fetch_all(&self.readers)
            .await
            .map_err(failed())?;
        let mut now = Time::default();
        let mut leases = Vec::new();
        for row in &rows {
            now = Time(number(row, "now_us").map_err(failed())?.unwrap_or(0));
            let partition = number(row, "partition").map_err(failed())?;
            let epoch = number(row, "epoch").map_err(failed())?;
            if let (Some(partition), Some(epoch)) = (partition, epoch) {
                leases.push(lease(beat, PartitionId(partition), Epoch(epoch), now));
            }
        }
        let held = leases.iter().filter(|lease| lease.live);
        Ok(Membership {
            now,
            partitions: 1,
            replicas: vec![self.replica.beat(beat, now)],
            held: held.map(|lease| lease.partition).collect(),
            leases,
        })
    }

    pub(crate) fn leave(&self, replica: &ReplicaId) {
        self.replica.leave(replica);
    }

    pub(crate) async fn recover(&self, above: Epoch) -> Result<Epoch, Error> {
        let above = floor_of(above)?;
        let failed = || failed_to("raise the epochs");
        let mut transaction = self.begin().await?;
        let row = sqlx::query(RAISE_SOURCE)
            .bind(above)
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed())?;
        let floor: i64 = row.try_get("last").map_err(failed())?;
        sqlx::query("UPDATE partition_head SET epoch = ?")
            .bind(floor)
            .execute(&mut *transaction)
            .await
            .map_err(failed())?;
        transaction.commit().await.map_err(failed())?;
        Ok(Epoch(floor.cast_unsigned()))
    }
}

/// A column that is a number without a sign; nothing if it is empty, or no such number.
fn number<T: TryFrom<i64>>(row: &SqliteRow, column: &str) -> Result<Option<T>, sqlx::Error> {
    let number: Option<i64> = row.try_get(column)?;
    Ok(number.and_then(|number| T::try_from(number).ok()))
}

fn lease(beat: &Beat, partition: PartitionId, epoch: Epoch, now: Time) -> LeaseRow {
    let live = beat.hold.contains(&(partition, epoch));
    LeaseRow {
        partition,
        epoch,
        replica: live.then(|| beat.replica.clone()),
        expires_at: if live { now + beat.ttl } else { now },
        live,
    }
}
