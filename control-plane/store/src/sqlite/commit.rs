//! One transaction per commit, behind the fence (rules R1, R2).

use insula_types::{Epoch, PartitionId};
use sqlx::SqliteConnection;

use super::Store;
use super::write::{execute, insert, upsert};
use crate::error::failed_to;
use crate::rows::{Batch, Changes, Statement, agent, framework, mark, request, role, task};
use crate::{CellRecords, CommitError, CommitNo, Error, InputMark};

impl Store {
    pub(crate) async fn commit(
        &self,
        partition: PartitionId,
        epoch: Epoch,
        commit_no: CommitNo,
        cells: &[CellRecords],
        marks: &[InputMark],
    ) -> Result<CommitNo, CommitError> {
        let failed = |source| CommitError::Failed { commit_no, source };
        let mut transaction = self.begin().await.map_err(failed)?;
        write(&mut transaction, &Changes::of(cells))
            .await
            .map_err(failed)?;
        let marks = mark::batch(partition, marks);
        insert(&mut transaction, &mark::TABLE, mark::OR_RAISE, &marks)
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

async fn write(connection: &mut SqliteConnection, changes: &Changes<'_>) -> Result<(), Error> {
    update_all(connection, UPDATE_CELL, &changes.cells()).await?;
    upsert(connection, &role::TABLE, &changes.roles()).await?;
    upsert(connection, &agent::TABLE, &changes.agents()).await?;
    update_all(connection, CONFIRM, &changes.confirmed()).await?;
    upsert(connection, &framework::TABLE, &changes.frameworks()).await?;
    upsert(connection, &task::TABLE, &changes.tasks(|_| true)).await?;
    upsert(connection, &task::PAYLOAD, &changes.payloads()).await?;
    upsert(connection, &request::TABLE, &changes.requests()).await?;
    execute(connection, DELETE_REQUEST, &changes.done()).await?;
    Ok(())
}

const UPDATE_CELL: Statement = Statement {
    head: "UPDATE cell SET seed = given.column2, time_us = given.column3,
                           format_version = given.column4 FROM (VALUES",
    tail: ") AS given WHERE cell.cell = given.column1",
};

const CONFIRM: Statement = Statement {
    head: "UPDATE agent SET confirmed = given.column3 FROM (VALUES",
    tail: ") AS given WHERE agent.cell = given.column1 AND agent.agent = given.column2",
};

// By row id: for a list of keys of several columns SQLite would scan the table.
const DELETE_REQUEST: Statement = Statement {
    head: "DELETE FROM request WHERE rowid IN (
               SELECT request.rowid FROM (VALUES",
    tail: ") AS given CROSS JOIN request
               ON request.cell = given.column1
               AND request.tenant = given.column2
               AND request.task = given.column3
           )",
};

/// Updates rows that must be there.
async fn update_all(
    connection: &mut SqliteConnection,
    statement: Statement<'_>,
    batch: &Batch<'_>,
) -> Result<(), Error> {
    let changed = execute(connection, statement, batch).await?;
    batch.all_found(changed)
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
