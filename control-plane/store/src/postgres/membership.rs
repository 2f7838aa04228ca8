//! Replicas and leases, all by the database's clock (rules R6, R9, R10).
//!
//! Every statement takes its time from `statement_timestamp()`: the moment in which the database
//! received it, which is never before the replica sent it. So a lease in the table always lasts at
//! least as long as its owner believes.

use std::collections::BTreeMap;

use insula_types::membership::{Beat, LeaseRow, Membership, ReplicaRow, ReplicaState};
use insula_types::{Epoch, FORMAT_VERSION, PartitionId, ReplicaId, Span};
use sqlx::postgres::PgRow;
use sqlx::postgres::types::PgInterval;
use sqlx::{PgConnection, Row};

use super::Store;
use crate::Error;
use crate::error::failed_to;
use crate::rows::Columns;

const REFRESH: &str = "
    INSERT INTO replica
        (replica, advertise, version, state, started_at, seen_at, expires_at, format_version)
    VALUES ($1, $2, $3, $4, statement_timestamp(), statement_timestamp(),
            statement_timestamp() + $5, $6)
    ON CONFLICT (replica) DO UPDATE SET
        advertise = excluded.advertise,
        version = excluded.version,
        state = excluded.state,
        seen_at = excluded.seen_at,
        expires_at = excluded.expires_at,
        format_version = excluded.format_version";

/// Whether a lease has expired is not asked: nobody took it, or its epoch would be another. One that
/// a taker holds just now is passed over, so that it cannot hold up the others.
const RENEW_FREE: &str = "
    UPDATE partition_lease SET expires_at = statement_timestamp() + $4
    WHERE partition IN (
        SELECT lease.partition FROM partition_lease AS lease
        JOIN unnest($2::bigint[], $3::bigint[]) AS held (partition, epoch)
            ON lease.partition = held.partition AND lease.epoch = held.epoch
        WHERE lease.replica = $1
        FOR UPDATE OF lease SKIP LOCKED
    )
    RETURNING partition";

/// The same for those that were passed over, or are lost.
const RENEW_REST: &str = "
    UPDATE partition_lease AS lease SET expires_at = statement_timestamp() + $4
    FROM unnest($2::bigint[], $3::bigint[]) AS held (partition, epoch)
    WHERE lease.partition = held.partition AND lease.epoch = held.epoch AND lease.replica = $1
    RETURNING lease.partition";

/// A taker that only looks lets go within milliseconds. One that takes, since the lease had expired,
/// may wait for seconds until the last commit of the former owner has ended; by then the lease is
/// lost, and the others must have been renewed long before.
const BE_PATIENT: &str = "SAVEPOINT renewal; SET LOCAL lock_timeout = 500";
const GIVE_UP: &str = "ROLLBACK TO SAVEPOINT renewal";

/// Beats that forget at once do not wait for each other. One that comes back after that is new.
const FORGET: &str = "
    DELETE FROM replica WHERE replica IN (
        SELECT replica FROM replica
        WHERE expires_at < statement_timestamp() - interval '1 hour'
        FOR UPDATE SKIP LOCKED
    )";

/// Replicas with their leases, replicas without, and leases of nobody or of the forgotten: one
/// statement, so that all are of one moment. A beat has its own replica in it, so there is a row.
const READ: &str = "
    SELECT
        replica.replica, advertise, version, state,
        (extract(epoch FROM started_at) * 1000000)::bigint AS started_at_us,
        (extract(epoch FROM seen_at) * 1000000)::bigint AS seen_at_us,
        replica.expires_at > statement_timestamp() AS replica_live,
        partition, epoch, lease.replica AS owner,
        (extract(epoch FROM lease.expires_at) * 1000000)::bigint AS expires_at_us,
        lease.replica IS NOT NULL AND lease.expires_at > statement_timestamp() AS lease_live,
        (extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS now_us,
        coalesce(format_version, 0) AS format_version
    FROM replica FULL JOIN partition_lease AS lease ON lease.replica = replica.replica
    ORDER BY partition";

impl Store {
    pub(crate) async fn beat(&self, beat: &Beat) -> Result<Membership, Error> {
        let mut session = self
            .beats
            .begin("BEGIN ISOLATION LEVEL READ COMMITTED")
            .await?;
        let connection = &mut session.connection;
        refresh(connection, beat).await?;
        let held = renew_all(connection, beat).await?;
        execute(connection, FORGET, "forget replicas").await?;
        let rows = sqlx::query(READ)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed_to("read the replicas and leases"))?;
        execute(connection, "COMMIT", "commit a beat").await?;
        session.keep();
        decode(&rows, self.partitions(), held)
    }

    pub(crate) async fn give(
        &self,
        partition: PartitionId,
        epoch: Epoch,
        replica: &ReplicaId,
    ) -> Result<(), Error> {
        let sql = "UPDATE partition_lease SET replica = NULL, expires_at = statement_timestamp()
                   WHERE partition = $1 AND epoch = $2 AND replica = $3";
        sqlx::query(sql)
            .bind(i64::from(partition.0))
            .bind(epoch.0.cast_signed())
            .bind(replica.as_str())
            .execute(&self.pool)
            .await
            .map_err(failed_to("give a lease"))?;
        Ok(())
    }

    pub(crate) async fn leave(&self, replica: &ReplicaId) -> Result<(), Error> {
        let failed = || failed_to("leave");
        let mut transaction = self.pool.begin().await.map_err(failed())?;
        let give = "UPDATE partition_lease SET replica = NULL, expires_at = statement_timestamp()
                    WHERE replica = $1";
        for sql in ["DELETE FROM replica WHERE replica = $1", give] {
            sqlx::query(sql)
                .bind(replica.as_str())
                .execute(&mut *transaction)
                .await
                .map_err(failed())?;
        }
        transaction.commit().await.map_err(failed())
    }
}

async fn refresh(connection: &mut PgConnection, beat: &Beat) -> Result<(), Error> {
    sqlx::query(REFRESH)
        .bind(beat.replica.as_str())
        .bind(&beat.advertise)
        .bind(&beat.version)
        .bind(beat.state.as_str())
        .bind(interval(beat.ttl))
        .bind(i64::from(FORMAT_VERSION))
        .execute(connection)
        .await
        .map_err(failed_to("refresh a replica"))?;
    Ok(())
}

async fn renew_all(connection: &mut PgConnection, beat: &Beat) -> Result<Vec<PartitionId>, Error> {
    let mut held = renew(connection, RENEW_FREE, beat, &beat.hold)
        .await
        .map_err(failed_to("renew leases"))?;
    let rest = beat
        .hold
        .iter()
        .filter(|(partition, _)| !held.contains(partition));
    let rest: Vec<_> = rest.copied().collect();
    if !rest.is_empty() {
        execute(connection, BE_PATIENT, "renew leases").await?;
        match renew(connection, RENEW_REST, beat, &rest).await {
            Ok(late) => held.extend(late),
            Err(error) if is_lock_timeout(&error) => {
                execute(connection, GIVE_UP, "renew leases").await?;
            }
            Err(error) => return Err(failed_to("renew leases")(error)),
        }
    }
    held.sort_unstable();
    Ok(held)
}

async fn renew(
    connection: &mut PgConnection,
    sql: &'static str,
    beat: &Beat,
    leases: &[(PartitionId, Epoch)],
) -> Result<Vec<PartitionId>, sqlx::Error> {
    let (partitions, epochs): (Vec<i64>, Vec<i64>) = leases
        .iter()
        .map(|(partition, epoch)| (i64::from(partition.0), epoch.0.cast_signed()))
        .unzip();
    let rows = sqlx::query(sql)
        .bind(beat.replica.as_str())
        .bind(partitions)
        .bind(epochs)
        .bind(interval(beat.ttl))
        .fetch_all(connection)
        .await?;
    let partition = |row: &PgRow| {
        let partition: i64 = row.try_get("partition")?;
        let partition =
            u16::try_from(partition).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(PartitionId(partition))
    };
    rows.iter().map(partition).collect()
}

fn is_lock_timeout(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.as_deref() == Some("55P03")
}

async fn execute(
    connection: &mut PgConnection,
    sql: &'static str,
    operation: &'static str,
) -> Result<(), Error> {
    sqlx::raw_sql(sql)
        .execute(connection)
        .await
        .map_err(failed_to(operation))?;
    Ok(())
}

/// A span as Postgres has them. A time to live of more than 290,000 years counts as that.
fn interval(span: Span) -> PgInterval {
    PgInterval {
        months: 0,
        days: 0,
        microseconds: i64::try_from(span.0).unwrap_or(i64::MAX),
    }
}

fn decode(rows: &[PgRow], partitions: u16, held: Vec<PartitionId>) -> Result<Membership, Error> {
    let mut membership = Membership {
        partitions,
        held,
        ..Membership::default()
    };
    let mut replicas = BTreeMap::new();
    for row in rows {
        let columns = Columns::of("replica", row)?;
        membership.now = columns.time("now_us")?;
        if let Some(replica) = columns.id_opt::<ReplicaId>("replica")?
            && !replicas.contains_key(&replica)
        {
            let row = replica_row(&columns, replica.clone())?;
            replicas.insert(replica, row);
        }
        if let Some(partition) = columns.number_opt("partition")? {
            membership.leases.push(LeaseRow {
                partition: PartitionId(partition),
                epoch: Epoch(columns.number("epoch")?),
                replica: columns.id_opt("owner")?,
                expires_at: columns.time("expires_at_us")?,
                live: columns.flag("lease_live")?,
            });
        }
    }
    membership.replicas = replicas.into_values().collect();
    Ok(membership)
}

fn replica_row(columns: &Columns<'_>, replica: ReplicaId) -> Result<ReplicaRow, Error> {
    Ok(ReplicaRow {
        replica,
        advertise: columns.text("advertise")?,
        version: columns.text("version")?,
        state: columns.word("state", ReplicaState::from_word)?,
        started_at: columns.time("started_at_us")?,
        seen_at: columns.time("seen_at_us")?,
        live: columns.flag("replica_live")?,
    })
}
