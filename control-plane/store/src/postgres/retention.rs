//! History, and the marks of inputs, are kept within bounds.

use insula_types::{CellId, PartitionId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::Store;
use crate::Error;
use crate::error::failed_to;
use crate::page::Retention;

/// Only the frameworks that have too many tasks are sorted; the rest is counted in an index.
const EXPIRED: &str = "
    WITH forgotten AS (
        SELECT tenant, framework FROM framework
        WHERE cell = $1 AND state = 'removed'
        ORDER BY state_at_us DESC, tenant, framework
        OFFSET $3
    ), crowded AS (
        SELECT tenant, framework FROM task_history
        WHERE cell = $1
        GROUP BY tenant, framework HAVING count(*) > $2
    )
    SELECT launch_epoch, launch_number FROM (
        SELECT surplus.launch_epoch, surplus.launch_number
        FROM crowded CROSS JOIN LATERAL (
            SELECT launch_epoch, launch_number FROM task_history
            WHERE cell = $1 AND tenant = crowded.tenant AND framework = crowded.framework
            ORDER BY launch_epoch DESC, launch_number DESC
            OFFSET $2
        ) AS surplus
        UNION
        SELECT launch_epoch, launch_number
        FROM task_history JOIN forgotten USING (tenant, framework)
        WHERE cell = $1
        UNION
        SELECT launch_epoch, launch_number FROM task_history
        WHERE $4::bigint IS NOT NULL AND cell = $1
            AND coalesce(ended_at_us, accepted_at_us)
                < (extract(epoch FROM statement_timestamp()) * 1000000)::bigint - $4
    ) AS expired
    ORDER BY launch_epoch, launch_number
    LIMIT $5";

const REMOVE_PAYLOADS: &str = "
    DELETE FROM task_payload AS payload
    USING unnest($2::bigint[], $3::bigint[]) AS gone (epoch, number)
    WHERE cell = $1 AND launch_epoch = gone.epoch AND launch_number = gone.number";

const REMOVE_TASKS: &str = "
    DELETE FROM task_history AS task
    USING unnest($2::bigint[], $3::bigint[]) AS gone (epoch, number)
    WHERE cell = $1 AND launch_epoch = gone.epoch AND launch_number = gone.number";

const WITHDRAWN: &str = "
    DELETE FROM request WHERE ctid IN (
        SELECT row FROM (
            SELECT ctid AS row,
                   row_number() OVER (PARTITION BY tenant ORDER BY withdrawn_at_us DESC) AS place
            FROM request WHERE cell = $1 AND withdrawn_at_us IS NOT NULL
        ) AS withdrawn
        WHERE place > $2 LIMIT $3
    )";

/// Marks whose sender is the link of a replica, `<uuid>.<number>`, that the members know no more; or
/// of one that they know, but older than its newest links. A gateway asks only about the links that
/// it had with the last owner, of which there was one at a time.
const OLD_MARKS: &str = "
    DELETE FROM input_mark WHERE partition = $1 AND sender IN (
        SELECT sender FROM (
            SELECT sender,
                   row_number() OVER (
                       PARTITION BY split_part(sender, '.', 1)
                       ORDER BY split_part(sender, '.', 2)::numeric DESC
                   ) AS place,
                   EXISTS (
                       SELECT FROM replica WHERE replica = split_part(sender, '.', 1)
                   ) AS known
            FROM input_mark
            WHERE partition = $1 AND sender ~ '^[0-9a-f-]{36}[.][0-9]{1,20}$'
        ) AS link
        WHERE NOT known OR place > $2
        LIMIT $3
    )";

/// Most tasks that one look at the history finds: as many as a busy cell ends in half a minute, and
/// two megabytes of ids.
const FOUND_MAX: i64 = 100_000;

/// How many links of a living replica keep their marks: several owners' worth, should they change
/// faster than the gateways can ask.
const LINKS_KEPT: i64 = 16;

/// Most marks that go in one transaction.
const MARKS_SLICE: i64 = 1_000;

/// A launch as the columns have it: epoch and number.
type Launch = (i64, i64);

impl Store {
    pub(crate) async fn prune(&self, cell: &CellId, retention: Retention) -> Result<u64, Error> {
        let launches = self.find_expired(cell, retention).await?;
        let mut removed = self.prune_withdrawn(cell, retention).await?;
        for slice in launches.chunks(retention.slice.max(1)) {
            let failed = || failed_to("remove expired history");
            let mut transaction = self.pool.begin().await.map_err(failed())?;
            removed += remove(&mut transaction, cell, slice)
                .await
                .map_err(failed())?;
            transaction.commit().await.map_err(failed())?;
        }
        Ok(removed)
    }

    async fn find_expired(
        &self,
        cell: &CellId,
        retention: Retention,
    ) -> Result<Vec<Launch>, Error> {
        let failed = || failed_to("find expired history");
        let rows = sqlx::query(EXPIRED)
            .bind(cell.as_str())
            .bind(i64::from(retention.tasks_per_framework))
            .bind(i64::from(retention.removed_frameworks))
            .bind(retention.age_max_micros())
            .bind(FOUND_MAX)
            .fetch_all(&self.pool)
            .await
            .map_err(failed())?;
        let launches: Result<_, sqlx::Error> = rows.iter().map(launch).collect();
        launches.map_err(failed())
    }

    /// Withdrawn requests are history like ended tasks; one call removes a slice of them.
    async fn prune_withdrawn(&self, cell: &CellId, retention: Retention) -> Result<u64, Error> {
        let done = sqlx::query(WITHDRAWN)
            .bind(cell.as_str())
            .bind(i64::from(retention.tasks_per_framework))
            .bind(i64::try_from(retention.slice).unwrap_or(i64::MAX))
            .execute(&self.pool)
            .await
            .map_err(failed_to("remove withdrawn requests"))?;
        Ok(done.rows_affected())
    }

    pub(crate) async fn prune_marks(&self, partition: PartitionId) -> Result<u64, Error> {
        let done = sqlx::query(OLD_MARKS)
            .bind(i64::from(partition.0))
            .bind(LINKS_KEPT)
            .bind(MARKS_SLICE)
            .execute(&self.pool)
            .await
            .map_err(failed_to("remove old input marks"))?;
        Ok(done.rows_affected())
    }
}

async fn remove(
    connection: &mut PgConnection,
    cell: &CellId,
    launches: &[Launch],
) -> Result<u64, sqlx::Error> {
    let (epochs, numbers): (Vec<i64>, Vec<i64>) = launches.iter().copied().unzip();
    let mut removed = 0;
    for sql in [REMOVE_PAYLOADS, REMOVE_TASKS] {
        let done = sqlx::query(sql)
            .bind(cell.as_str())
            .bind(&epochs)
            .bind(&numbers)
            .execute(&mut *connection)
            .await?;
        removed = done.rows_affected();
    }
    Ok(removed)
}

fn launch(row: &PgRow) -> Result<Launch, sqlx::Error> {
    Ok((row.try_get("launch_epoch")?, row.try_get("launch_number")?))
}
