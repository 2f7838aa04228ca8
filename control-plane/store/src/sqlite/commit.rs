//! One transaction per commit, behind the fence (rules R1, R2).

use insula_types::{Epoch, FORMAT_VERSION, PartitionId};
use sqlx::SqliteConnection;

use super::Store;
use super::changes::Changes;
use super::values::{Statement, Values};
use crate::error::failed_to;
use crate::{CellRecords, CommitError, CommitNo, Error, InputMark};

impl Store {
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
        let failed = |source| CommitError::Failed { commit_no, source };
        let mut transaction = self.begin().await.map_err(failed)?;
        for changed in cells {
            let changes = Changes::of(&changed.records);
            changes
                .write(&mut transaction, &changed.cell)
                .await
                .map_err(failed)?;
        }
        write_marks(&mut transaction, partition, marks)
            .await
            .map_err(failed)?;
        if !move_head(&mut transaction, partition, epoch, commit_no)
            .await
            .map_err(failed)?
        {
            return Err(CommitError::Fenced {
                partition,
                epoch,
                commit_no,
            });
        }
        transaction
            .commit()
            .await
            .map_err(|source| CommitError::OutcomeUnknown {
                commit_no,
                source: failed_to("commit")(source),
            })?;
        Ok(commit_no.next())
    }
}

async fn move_head(
    connection: &mut SqliteConnection,
    partition: PartitionId,
    epoch: Epoch,
    commit_no: CommitNo,
) -> Result<bool, Error> {
    let sql = "UPDATE partition_head SET commit_no = commit_no + 1
               WHERE partition = ? AND epoch = ? AND commit_no = ?";
    let done = sqlx::query(sql)
        .bind(partition.0)
        .bind(epoch.0.cast_signed())
        .bind(commit_no.0.cast_signed())
        .execute(connection)
        .await
        .map_err(failed_to("move a partition's head"))?;
    Ok(done.rows_affected() == 1)
}

const UPSERT_MARKS: Statement = Statement {
    table: "input_mark",
    head: "INSERT INTO input_mark (partition, sender, seq, format_version) VALUES",
    columns: 4,
    tail: "ON CONFLICT (partition, sender) DO UPDATE SET
               seq = max(seq, excluded.seq),
               format_version = excluded.format_version",
};

async fn write_marks(
    connection: &mut SqliteConnection,
    partition: PartitionId,
    marks: &[InputMark],
) -> Result<(), Error> {
    let bind = |values: Values, mark: &InputMark| {
        values
            .number(partition.0.into())
            .text(&mark.sender)
            .number(mark.seq)
            .number(FORMAT_VERSION.into())
    };
    UPSERT_MARKS.execute(connection, marks, bind).await?;
    Ok(())
}
