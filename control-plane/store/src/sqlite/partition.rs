//! Owning a partition: epochs and the head.

use insula_types::{Epoch, FORMAT_VERSION, PartitionId, Time};
use sqlx::{Row, SqliteConnection};

use super::Store;
use super::columns::Columns;
use crate::error::failed_to;
use crate::{CommitNo, Error, Head, InputMark, Ownership};

impl Store {
    /// Takes a partition: from here on nobody commits to it in an older epoch.
    ///
    /// Every load begins with this, also one by the same process after a failed commit (rule R2).
    /// The epoch is above all that were ever given and at least the unix time in milliseconds, so
    /// that a restored backup cannot give one again (rule R5).
    ///
    /// # Errors
    /// [`Error::NewerFormat`] if a newer build owned the partition; [`Error::Database`] if the
    /// database does not do it.
    pub async fn take(&self, partition: PartitionId) -> Result<Ownership, Error> {
        let failed = || failed_to("take a partition");
        let mut transaction = self.begin().await?;
        read_head(&mut transaction, partition).await?;
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

    /// A partition's head, if it was ever owned.
    ///
    /// # Errors
    /// If the database does not answer, or a newer build wrote it.
    pub async fn head(&self, partition: PartitionId) -> Result<Option<Head>, Error> {
        let mut connection = self
            .readers
            .acquire()
            .await
            .map_err(failed_to("begin to read"))?;
        read_head(&mut connection, partition).await
    }

    /// The highest inputs applied, by sender.
    ///
    /// # Errors
    /// If the database does not answer, or a row cannot be read.
    pub async fn input_marks(&self, partition: PartitionId) -> Result<Vec<InputMark>, Error> {
        let sql = "SELECT sender, seq, format_version FROM input_mark
                   WHERE partition = ? ORDER BY sender";
        let rows = sqlx::query(sql)
            .bind(partition.0)
            .fetch_all(&self.readers)
            .await
            .map_err(failed_to("read input marks"))?;
        let decode = |row| {
            let columns = Columns::of("input_mark", row)?;
            Ok(InputMark {
                sender: columns.text("sender")?,
                seq: columns.number("seq")?,
            })
        };
        rows.iter().map(decode).collect()
    }
}

async fn read_head(
    connection: &mut SqliteConnection,
    partition: PartitionId,
) -> Result<Option<Head>, Error> {
    let sql = "SELECT epoch, commit_no, format_version FROM partition_head WHERE partition = ?";
    let row = sqlx::query(sql)
        .bind(partition.0)
        .fetch_optional(connection)
        .await
        .map_err(failed_to("read a partition's head"))?;
    let Some(row) = row else {
        return Ok(None);
    };
    let columns = Columns::of("partition_head", &row)?;
    let epoch = Epoch(columns.number("epoch")?);
    Ok(Some(Head {
        epoch,
        commit_no: CommitNo(columns.number("commit_no")?),
    }))
}
