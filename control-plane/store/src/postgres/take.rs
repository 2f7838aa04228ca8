//! Owning a partition: leases, epochs and the head (rules R1, R5, R6, R10).

use insula_types::membership::Claim;
use insula_types::{Epoch, FORMAT_VERSION, PartitionId, ReplicaId, Time};
use sqlx::postgres::types::PgInterval;
use sqlx::{PgConnection, PgExecutor, Row};

use super::Store;
use crate::error::failed_to;
use crate::rows::mark;
use crate::{CommitNo, Error, Ownership};

/// A taker that stops in the midst of its transaction, or meets a commit that does not end, gives
/// way soon.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL idle_in_transaction_session_timeout = 1000;
    SET LOCAL lock_timeout = 2000";

/// Makes the lease's row if there is none, and holds it until the transaction ends.
const HOLD_LEASE: &str = "
    INSERT INTO partition_lease (partition, epoch, replica, expires_at)
    VALUES ($1, 0, NULL, clock_timestamp())
    ON CONFLICT (partition) DO UPDATE SET partition = excluded.partition
    RETURNING CASE WHEN expires_at > clock_timestamp() THEN replica END AS owner";

/// Ends the sessions that are in the midst of a commit of the partition, and waits for it, a second
/// each at most. The lock is that of the function `begin_commit`.
const END_COMMITS: &str = "
    SELECT pg_terminate_backend(pid, 1000) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = 1231975285 AND objid = $1::bigint::oid
      AND objsubid = 2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND pid <> pg_backend_pid()";

const HOLD_HEAD: &str = "SELECT epoch, commit_no, format_version FROM partition_head
    WHERE partition = $1 FOR UPDATE";

const TAKE: &str = "
    WITH source AS (
        UPDATE epoch_source
        SET last = greatest(last + 1, floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint)
        RETURNING last
    ), lease AS (
        UPDATE partition_lease
        SET epoch = source.last, replica = $2, expires_at = statement_timestamp() + $3
        FROM source WHERE partition = $1
    )
    INSERT INTO partition_head (partition, epoch, commit_no, format_version)
    SELECT $1, last, 0, $4 FROM source
    ON CONFLICT (partition) DO UPDATE SET
        epoch = excluded.epoch,
        format_version = excluded.format_version
    RETURNING epoch, commit_no,
              floor(extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS now_us";

impl Store {
    pub(crate) async fn take(
        &self,
        partition: PartitionId,
        claim: &Claim,
    ) -> Result<Ownership, Error> {
        let failed = || failed_to("take a partition");
        let mut transaction = self.pool.begin_with(BEGIN).await.map_err(failed())?;
        if let Some(by) = hold_lease(&mut transaction, partition).await?
            && by != claim.replica
        {
            return Err(Error::Leased { partition, by });
        }
        // Whoever commits now has no lease, or is the claimant and has given up on that commit. It
        // may hold the head's row, paused.
        end_commits(&mut *transaction, partition).await?;
        hold_head(&mut transaction, partition).await?;
        let owner = take(&mut transaction, partition, claim).await?;
        transaction.commit().await.map_err(failed())?;
        // Whoever began to commit before the epoch changed may still hold other rows.
        end_commits(&self.pool, partition).await?;
        Ok(owner)
    }
}

async fn end_commits(executor: impl PgExecutor<'_>, partition: PartitionId) -> Result<(), Error> {
    sqlx::query(END_COMMITS)
        .bind(i64::from(partition.0))
        .execute(executor)
        .await
        .map_err(failed_to("end the commits of a former owner"))?;
    Ok(())
}

/// Holds the lease and says whose it is, if it lives.
async fn hold_lease(
    connection: &mut PgConnection,
    partition: PartitionId,
) -> Result<Option<ReplicaId>, Error> {
    let failed = || failed_to("read a lease");
    let row = sqlx::query(HOLD_LEASE)
        .bind(i64::from(partition.0))
        .fetch_one(connection)
        .await
        .map_err(failed())?;
    let owner: Option<&str> = row.try_get("owner").map_err(failed())?;
    Ok(owner.map(ReplicaId::from))
}

/// Waits for a commit that is at its end, and refuses a head that a newer build wrote.
async fn hold_head(connection: &mut PgConnection, partition: PartitionId) -> Result<(), Error> {
    let row = sqlx::query(HOLD_HEAD)
        .bind(i64::from(partition.0))
        .fetch_optional(connection)
        .await
        .map_err(failed_to("read a partition's head"))?;
    row.as_ref()
        .map(|row| mark::decode_head(row.into()))
        .transpose()?;
    Ok(())
}

async fn take(
    connection: &mut PgConnection,
    partition: PartitionId,
    claim: &Claim,
) -> Result<Ownership, Error> {
    let failed = || failed_to("take a partition");
    let ttl = PgInterval {
        months: 0,
        days: 0,
        microseconds: i64::try_from(claim.ttl.0).unwrap_or(i64::MAX),
    };
    let row = sqlx::query(TAKE)
        .bind(i64::from(partition.0))
        .bind(claim.replica.as_str())
        .bind(ttl)
        .bind(i64::from(FORMAT_VERSION))
        .fetch_one(connection)
        .await
        .map_err(failed())?;
    let number = |column| row.try_get::<i64, _>(column).map_err(failed());
    Ok(Ownership {
        partition,
        epoch: Epoch(number("epoch")?.cast_unsigned()),
        commit_no: CommitNo(number("commit_no")?.cast_unsigned()),
        now: Time(u64::try_from(number("now_us")?).unwrap_or(0)),
    })
}
