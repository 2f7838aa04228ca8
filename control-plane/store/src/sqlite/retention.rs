//! History is kept within bounds.

use insula_types::{CellId, Epoch, LaunchId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::Store;
use super::write::execute;
use crate::Error;
use crate::error::failed_to;
use crate::page::Retention;
use crate::rows::{Batch, Statement, task};

const EXPIRED: &str = "
    WITH forgotten AS (
        SELECT tenant, framework FROM framework
        WHERE cell = ?1 AND state = 'removed'
        ORDER BY state_at_us DESC, tenant, framework
        LIMIT -1 OFFSET ?3
    ), ended AS (
        SELECT tenant, framework, launch_epoch, launch_number,
               coalesce(ended_at_us, accepted_at_us) AS ended_at_us,
               row_number() OVER (
                   PARTITION BY tenant, framework
                   ORDER BY launch_epoch DESC, launch_number DESC
               ) AS place
        FROM task WHERE cell = ?1 AND archived = 1
    )
    SELECT launch_epoch, launch_number FROM ended
    WHERE place > ?2 OR (tenant, framework) IN (SELECT tenant, framework FROM forgotten)
        OR ended_at_us < CAST(unixepoch('subsec') * 1000000 AS INTEGER) - ?4
    ORDER BY launch_epoch, launch_number
    LIMIT ?5";

const WITHDRAWN: &str = "
    DELETE FROM request WHERE rowid IN (
        SELECT rowid FROM (
            SELECT rowid,
                   row_number() OVER (PARTITION BY tenant ORDER BY withdrawn_at_us DESC) AS place
            FROM request WHERE cell = ?1 AND withdrawn_at_us IS NOT NULL
        ) WHERE place > ?2 LIMIT ?3
    )";

// By row id: for a list of keys of several columns SQLite would scan the table.
const DELETE: Statement = Statement {
    head: "DELETE FROM task WHERE archived = 1 AND rowid IN (
               SELECT task.rowid FROM (VALUES",
    tail: ") AS given CROSS JOIN task
               ON task.cell = given.column1
               AND task.launch_epoch = given.column2
               AND task.launch_number = given.column3
           )",
};

const DELETE_PAYLOAD: Statement = Statement {
    head: "DELETE FROM task_payload WHERE rowid IN (
               SELECT task_payload.rowid FROM (VALUES",
    tail: ") AS given CROSS JOIN task_payload
               ON task_payload.cell = given.column1
               AND task_payload.launch_epoch = given.column2
               AND task_payload.launch_number = given.column3
           )",
};

/// Most tasks that one look at the history finds: as many as a busy cell ends in half a minute, and
/// two megabytes of ids.
const FOUND_MAX: u32 = 100_000;

impl Store {
    /// Removes archived tasks that history no longer keeps, the oldest first, with their
    /// descriptions; says how many. Any at all means that there may be more.
    ///
    /// What is to go is found by a reader, and goes in transactions of `retention.slice` tasks, so
    /// that no commit waits long. It needs no fence: no kernel ever loads or writes an archived row
    /// again.
    ///
    /// # Errors
    /// If the database does not do it; then a part may have been removed.
    pub async fn prune(&self, cell: &CellId, retention: Retention) -> Result<u64, Error> {
        let rows = sqlx::query(EXPIRED)
            .bind(cell.as_str())
            .bind(retention.tasks_per_framework)
            .bind(retention.removed_frameworks)
            .bind(retention.age_max_micros())
            .bind(FOUND_MAX)
            .fetch_all(&self.readers)
            .await
            .map_err(failed_to("find expired history"))?;
        let launches: Vec<LaunchId> = rows.iter().map(launch).collect::<Result<_, _>>()?;
        let mut removed = self.prune_withdrawn(cell, retention).await?;
        for slice in launches.chunks(retention.slice.max(1)) {
            let mut transaction = self.begin().await?;
            removed += delete(&mut transaction, cell, slice).await?;
            transaction
                .commit()
                .await
                .map_err(failed_to("remove expired history"))?;
        }
        Ok(removed)
    }

    /// Withdrawn requests are history like ended tasks; one call removes a slice of them.
    async fn prune_withdrawn(&self, cell: &CellId, retention: Retention) -> Result<u64, Error> {
        let done = sqlx::query(WITHDRAWN)
            .bind(cell.as_str())
            .bind(retention.tasks_per_framework)
            .bind(i64::try_from(retention.slice).unwrap_or(i64::MAX))
            .execute(&self.writer)
            .await
            .map_err(failed_to("remove withdrawn requests"))?;
        Ok(done.rows_affected())
    }
}

/// Removes archived tasks with their descriptions; one that is not archived stays.
async fn delete(
    connection: &mut SqliteConnection,
    cell: &CellId,
    launches: &[LaunchId],
) -> Result<u64, Error> {
    let mut batch = Batch::new(task::TABLE.name, task::TABLE.key);
    for launch in launches {
        batch.row().cell(cell).launch(*launch);
    }
    execute(connection, DELETE_PAYLOAD, &batch).await?;
    execute(connection, DELETE, &batch).await
}

fn launch(row: &SqliteRow) -> Result<LaunchId, Error> {
    let number = |column| {
        let number: i64 = row
            .try_get(column)
            .map_err(failed_to("find expired history"))?;
        Ok::<_, Error>(number.cast_unsigned())
    };
    Ok(LaunchId {
        epoch: Epoch(number("launch_epoch")?),
        number: number("launch_number")?,
    })
}
