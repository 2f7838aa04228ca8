//! Owning a partition: epochs and the head.

use insula_types::{Epoch, FORMAT_VERSION, PartitionId, Time};
use sqlx::Row;

use super::{Store, read};
use crate::error::failed_to;
use crate::rows::mark;
use crate::{CommitNo, Error, Ownership};

impl Store {
    pub(crate) async fn take(&self, partition: PartitionId) -> Result<Ownership, Error> {
        let failed = || failed_to("take a partition");
        let mut transaction = self.begin().await?;
        let query = mark::head(partition);
        let head =
            read::fetch_optional(&mut *transaction, query, "read a partition's head").await?;
        head.as_ref()
            .map(|row| mark::decode_head(row.into()))
            .transpose()?;
        let sql = "UPDATE epoch_source
                   SET last = max(last + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
                   RETURNING last, CAST(unixepoch('subsec') * 1000000 AS INTEGER) AS now_us";
        let row = sqlx::query(sql)
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed())?;
        let epoch: i64 = row.try_get("last").map_err(failed())?;
        let now: i64 = row.try_get("now_us").map_err(failed())?;
        let sql = "INSERT INTO partition_head (partition, epoch, commit_no, format_version)
                   VALUES (?, ?, 0, ?)
                   ON CONFLICT (partition) DO UPDATE SET
                       epoch = excluded.epoch,
                       format_version = excluded.format_version
                   RETURNING commit_no";
        let row = sqlx::query(sql)
            .bind(partition.0)
            .bind(epoch)
            .bind(FORMAT_VERSION)
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed())?;
        let commit_no: i64 = row.try_get("commit_no").map_err(failed())?;
        transaction.commit().await.map_err(failed())?;
        Ok(Ownership {
            partition,
            epoch: Epoch(epoch.cast_unsigned()),
            commit_no: CommitNo(commit_no.cast_unsigned()),
            now: Time(u64::try_from(now).unwrap_or(0)),
        })
    }
}
