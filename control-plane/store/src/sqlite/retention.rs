//! History is kept within bounds.

use insula_types::{CellId, Epoch, LaunchId};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Store, task};
use crate::Error;
use crate::error::failed_to;
use crate::page::Retention;

const EXPIRED: &str = "
    WITH forgotten AS (
        SELECT tenant, framework FROM framework
        WHERE cell = ?1 AND state = 'removed'
        ORDER BY state_at_us DESC, tenant, framework
        LIMIT -1 OFFSET ?3
    ), ended AS (
        SELECT tenant, framework, launch_epoch, launch_number,
               row_number() OVER (
                   PARTITION BY tenant, framework
                   ORDER BY launch_epoch DESC, launch_number DESC
               ) AS place
        FROM task WHERE cell = ?1 AND archived = 1
    )
    SELECT launch_epoch, launch_number FROM ended
    WHERE place > ?2 OR (tenant, framework) IN (SELECT tenant, framework FROM forgotten)
    ORDER BY launch_epoch, launch_number
    LIMIT ?4";

const WITHDRAWN: &str = "
    DELETE FROM request WHERE rowid IN (
        SELECT rowid FROM (
            SELECT rowid,
                   row_number() OVER (PARTITION BY tenant ORDER BY withdrawn_at_us DESC) AS place
            FROM request WHERE cell = ?1 AND withdrawn_at_us IS NOT NULL
        ) WHERE place > ?2 LIMIT ?3
    )";

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
            .bind(FOUND_MAX)
            .fetch_all(&self.readers)
            .await
            .map_err(failed_to("find expired history"))?;
        let launches: Vec<LaunchId> = rows.iter().map(launch).collect::<Result<_, _>>()?;
        let mut removed = self.prune_withdrawn(cell, retention).await?;
        for slice in launches.chunks(retention.slice.max(1)) {
            let mut transaction = self.begin().await?;
            removed += task::delete(&mut transaction, cell, slice).await?;
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
