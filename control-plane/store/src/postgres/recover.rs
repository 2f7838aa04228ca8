//! Raising every epoch after the database went back in time (rule R5).

use insula_types::Epoch;
use sqlx::{PgConnection, Row};

use super::Store;
use crate::Error;
use crate::error::failed_to;
use crate::membership::floor_of;

/// Keeps takers and beats out until the end; a commit is under way at most until it finds its epoch
/// gone. Takers touch the leases first, so nobody who is let through holds what is needed here.
const KEEP_OUT: &str = "LOCK TABLE partition_lease IN EXCLUSIVE MODE";

/// Every row that names an epoch is asked, although the source should be above them all: the
/// database may have been put together from several backups.
const RAISE_SOURCE: &str = "
    UPDATE epoch_source SET last = greatest(
        last, $1,
        (SELECT max(epoch) FROM partition_head),
        (SELECT max(epoch) FROM partition_lease),
        (SELECT max(launch_epoch) FROM any_task),
        (SELECT max(launch_epoch) FROM request),
        (extract(epoch FROM statement_timestamp()) * 1000)::bigint
    ) + 1
    RETURNING last";

const RAISE_HEADS: &str = "UPDATE partition_head SET epoch = $1";

const END_LEASES: &str = "
    UPDATE partition_lease SET epoch = $1, replica = NULL, expires_at = statement_timestamp()";

impl Store {
    pub(crate) async fn recover(&self, above: Epoch) -> Result<Epoch, Error> {
        let above = floor_of(above)?;
        let failed = || failed_to("raise the epochs");
        let mut transaction = self.pool.begin().await.map_err(failed())?;
        let floor = raise(&mut transaction, above).await.map_err(failed())?;
        transaction.commit().await.map_err(failed())?;
        Ok(Epoch(floor.cast_unsigned()))
    }
}

async fn raise(connection: &mut PgConnection, above: i64) -> Result<i64, sqlx::Error> {
    sqlx::query(KEEP_OUT).execute(&mut *connection).await?;
    let row = sqlx::query(RAISE_SOURCE)
        .bind(above)
        .fetch_one(&mut *connection)
        .await?;
    let floor: i64 = row.try_get("last")?;
    for sql in [RAISE_HEADS, END_LEASES] {
        sqlx::query(sql)
            .bind(floor)
            .execute(&mut *connection)
            .await?;
    }
    Ok(floor)
}
