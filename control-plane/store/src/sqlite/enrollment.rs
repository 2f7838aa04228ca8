//! How a machine becomes an agent: tokens, and the identities they were traded for.

use insula_types::{AgentId, CellId, CheckpointId, FORMAT_VERSION, Time};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::Store;
use super::columns::Columns;
use super::values::micros;
use crate::Error;
use crate::error::failed_to;

/// SHA-256 of a token's secret, or of a public key.
pub type Sha256 = [u8; 32];

/// Lets machines join a cell. The secret itself is shown once and kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollmentToken {
    /// SHA-256 of the secret.
    pub hash: Sha256,
    /// The cell that it lets machines join.
    pub cell: CellId,
    /// How many machines may join with it.
    pub uses_max: u32,
    /// How many have.
    pub used: u32,
    /// When it was made, by the wall clock.
    pub created_at: Time,
    /// From when on it lets nobody join, by the wall clock.
    pub expires_at: Time,
}

/// Who an agent is (rule R27).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentIdentity {
    /// The id that it was given.
    pub agent: AgentId,
    /// The cell that it joined.
    pub cell: CellId,
    /// Its work directory.
    pub checkpoint: CheckpointId,
    /// SHA-256 of its public key (`SubjectPublicKeyInfo`, DER).
    pub key_fingerprint: Sha256,
    /// The serial number of its current certificate.
    pub certificate_serial: Vec<u8>,
    /// When that certificate expires, by the wall clock.
    pub certificate_expires_at: Time,
    /// When it joined, by the wall clock.
    pub enrolled_at: Time,
    /// When it was shut out, if it was; a revoked identity is never valid again.
    pub revoked_at: Option<Time>,
}

/// Whether a token let a machine join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It did; the identity is kept and one use of the token spent, both or neither.
    Admitted,
    /// There is no such token for the identity's cell.
    Unknown,
    /// The token has expired.
    Expired,
    /// As many machines have joined as the token allows.
    UsedUp,
}

impl Store {
    /// Keeps a new token.
    ///
    /// # Errors
    /// If the database does not do it, as when there is a token with this hash.
    pub async fn add_token(&self, token: &EnrollmentToken) -> Result<(), Error> {
        let sql = "INSERT INTO enrollment_token
                       (hash, cell, uses_max, used, created_at_us, expires_at_us, format_version)
                   VALUES (?, ?, ?, ?, ?, ?, ?)";
        sqlx::query(sql)
            .bind(&token.hash[..])
            .bind(token.cell.as_str())
            .bind(token.uses_max)
            .bind(token.used)
            .bind(micros(token.created_at))
            .bind(micros(token.expires_at))
            .bind(FORMAT_VERSION)
            .execute(&self.writer)
            .await
            .map_err(failed_to("keep an enrollment token"))?;
        Ok(())
    }

    /// The token with that hash, spent and expired ones as well.
    ///
    /// # Errors
    /// If the database does not answer, or the row cannot be read.
    pub async fn token(&self, hash: &Sha256) -> Result<Option<EnrollmentToken>, Error> {
        let mut connection = self
            .readers
            .acquire()
            .await
            .map_err(failed_to("begin to read"))?;
        read_token(&mut connection, hash).await
    }

    /// Spends one use of a token on an identity, which is kept.
    ///
    /// # Errors
    /// If the database does not do it, as when there is an agent with this id; then the token is as
    /// it was.
    pub async fn admit(
        &self,
        hash: &Sha256,
        identity: &AgentIdentity,
        now: Time,
    ) -> Result<Admission, Error> {
        let mut transaction = self.begin().await?;
        let token = read_token(&mut transaction, hash).await?;
        let Some(token) = token.filter(|token| token.cell == identity.cell) else {
            return Ok(Admission::Unknown);
        };
        if token.expires_at <= now {
            return Ok(Admission::Expired);
        }
        if token.used >= token.uses_max {
            return Ok(Admission::UsedUp);
        }
        spend(&mut transaction, hash).await?;
        insert(&mut transaction, identity).await?;
        transaction
            .commit()
            .await
            .map_err(failed_to("keep an agent's identity"))?;
        Ok(Admission::Admitted)
    }

    /// An agent's identity, revoked ones as well.
    ///
    /// # Errors
    /// If the database does not answer, or the row cannot be read.
    pub async fn identity(&self, agent: &AgentId) -> Result<Option<AgentIdentity>, Error> {
        let sql = "SELECT agent, cell, checkpoint, key_fingerprint, certificate_serial,
                          certificate_expires_at_us, enrolled_at_us, revoked_at_us, format_version
                   FROM agent_identity WHERE agent = ?";
        let row = sqlx::query(sql)
            .bind(agent.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(failed_to("read an agent's identity"))?;
        row.as_ref().map(decode).transpose()
    }

    /// Shuts an agent out for ever; says whether there is one of that id. The first time counts.
    ///
    /// # Errors
    /// If the database does not do it.
    pub async fn revoke(&self, agent: &AgentId, now: Time) -> Result<bool, Error> {
        let sql = "UPDATE agent_identity SET revoked_at_us = coalesce(revoked_at_us, ?)
                   WHERE agent = ?";
        let done = sqlx::query(sql)
            .bind(micros(now))
            .bind(agent.as_str())
            .execute(&self.writer)
            .await
            .map_err(failed_to("revoke an agent"))?;
        Ok(done.rows_affected() == 1)
    }
}

async fn read_token(
    connection: &mut SqliteConnection,
    hash: &Sha256,
) -> Result<Option<EnrollmentToken>, Error> {
    let sql = "SELECT cell, uses_max, used, created_at_us, expires_at_us, format_version
               FROM enrollment_token WHERE hash = ?";
    let row = sqlx::query(sql)
        .bind(&hash[..])
        .fetch_optional(connection)
        .await
        .map_err(failed_to("read an enrollment token"))?;
    let Some(row) = row else {
        return Ok(None);
    };
    let columns = Columns::of("enrollment_token", &row)?;
    Ok(Some(EnrollmentToken {
        hash: *hash,
        cell: columns.id("cell")?,
        uses_max: columns.number("uses_max")?,
        used: columns.number("used")?,
        created_at: columns.time("created_at_us")?,
        expires_at: columns.time("expires_at_us")?,
    }))
}

async fn spend(connection: &mut SqliteConnection, hash: &Sha256) -> Result<(), Error> {
    let sql = "UPDATE enrollment_token SET used = used + 1 WHERE hash = ? AND used < uses_max";
    let done = sqlx::query(sql)
        .bind(&hash[..])
        .execute(connection)
        .await
        .map_err(failed_to("spend an enrollment token"))?;
    if done.rows_affected() == 0 {
        return Err(Error::Missing {
            table: "enrollment_token",
            what: "the token to spend".into(),
        });
    }
    Ok(())
}

async fn insert(connection: &mut SqliteConnection, identity: &AgentIdentity) -> Result<(), Error> {
    let sql = "INSERT INTO agent_identity
                   (agent, cell, checkpoint, key_fingerprint, certificate_serial,
                    certificate_expires_at_us, enrolled_at_us, revoked_at_us, format_version)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    sqlx::query(sql)
        .bind(identity.agent.as_str())
        .bind(identity.cell.as_str())
        .bind(identity.checkpoint.as_str())
        .bind(&identity.key_fingerprint[..])
        .bind(&identity.certificate_serial)
        .bind(micros(identity.certificate_expires_at))
        .bind(micros(identity.enrolled_at))
        .bind(identity.revoked_at.map(micros))
        .bind(FORMAT_VERSION)
        .execute(connection)
        .await
        .map_err(failed_to("keep an agent's identity"))?;
    Ok(())
}

fn decode(row: &SqliteRow) -> Result<AgentIdentity, Error> {
    let columns = Columns::of("agent_identity", row)?;
    let fingerprint: &[u8] = columns.get("key_fingerprint")?;
    Ok(AgentIdentity {
        agent: columns.id("agent")?,
        cell: columns.id("cell")?,
        checkpoint: columns.id("checkpoint")?,
        key_fingerprint: columns.required("key_fingerprint", fingerprint.try_into().ok())?,
        certificate_serial: columns.get("certificate_serial")?,
        certificate_expires_at: columns.time("certificate_expires_at_us")?,
        enrolled_at: columns.time("enrolled_at_us")?,
        revoked_at: columns.time_opt("revoked_at_us")?,
    })
}
