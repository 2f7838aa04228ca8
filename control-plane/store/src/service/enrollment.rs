//! How a machine becomes an agent: tokens, and the identities they were traded for.

use insula_types::{AgentId, CellId, CheckpointId, FORMAT_VERSION, Time};

use crate::Error;
use crate::rows::{AnyRow, Columns, Query, Table};

const TOKENS: Table = Table {
    name: "enrollment_token",
    key: &["hash"],
    fixed: &["cell", "uses_max", "created_at_us", "expires_at_us"],
    latest: &["used", "format_version"],
};

const IDENTITIES: Table = Table {
    name: "agent_identity",
    key: &["agent"],
    fixed: &["cell", "checkpoint", "key_fingerprint", "enrolled_at_us"],
    latest: &[
        "certificate_serial",
        "certificate_expires_at_us",
        "revoked_at_us",
        "format_version",
    ],
};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It did; the identity is kept and one use of the token spent, both or neither. Nothing is spent
    /// if the machine had joined under this id already: it only gets its next certificate.
    Admitted,
    /// The machine, known by its checkpoint and key, has joined already under this id; nothing has
    /// changed. Its answer was lost: it is to be admitted under that id.
    Joined(AgentId),
    /// It has joined already and was shut out since.
    Revoked,
    /// There is no such token for the identity's cell.
    Unknown,
    /// The token has expired.
    Expired,
    /// As many machines have joined as the token allows.
    UsedUp,
}

/// What becomes of a machine that wants to join.
pub(crate) enum Verdict {
    /// Nothing is written.
    Answer(Admission),
    /// It has joined already and gets its next certificate.
    Renew,
    /// It joins: one use of the token for one identity.
    Join,
}

/// Decides about a machine, given the token that it came with and the identity that it has already.
pub(crate) fn judge(
    token: Option<&EnrollmentToken>,
    before: Option<AgentIdentity>,
    identity: &AgentIdentity,
    now: Time,
) -> Verdict {
    let Some(token) = token.filter(|token| token.cell == identity.cell) else {
        return Verdict::Answer(Admission::Unknown);
    };
    if token.expires_at <= now {
        return Verdict::Answer(Admission::Expired);
    }
    match before {
        Some(before) if before.revoked_at.is_some() => Verdict::Answer(Admission::Revoked),
        Some(before) if before.agent == identity.agent => Verdict::Renew,
        Some(before) => Verdict::Answer(Admission::Joined(before.agent)),
        None if token.used >= token.uses_max => Verdict::Answer(Admission::UsedUp),
        None => Verdict::Join,
    }
}

pub(crate) fn add_token(token: &EnrollmentToken) -> Result<Query<'_>, Error> {
    Query::insert(&TOKENS, |row| {
        row.bytes(&token.hash)
            .cell(&token.cell)
            .number(token.uses_max.into())
            .time(token.created_at)
            .time(token.expires_at)
            .number(token.used.into())
            .number(FORMAT_VERSION.into());
    })
}

pub(crate) fn token(hash: &Sha256) -> Query<'_> {
    Query::new(TOKENS.select(TOKENS.name))
        .sql(" WHERE hash = ")
        .bytes(&hash[..])
}

pub(crate) fn spend(hash: &Sha256) -> Query<'_> {
    Query::new("UPDATE enrollment_token SET used = used + 1 WHERE hash = ").bytes(&hash[..])
}

pub(crate) fn add_identity(identity: &AgentIdentity) -> Result<Query<'_>, Error> {
    Query::insert(&IDENTITIES, |row| {
        row.text(identity.agent.as_str())
            .cell(&identity.cell)
            .text(identity.checkpoint.as_str())
            .bytes(&identity.key_fingerprint)
            .time(identity.enrolled_at)
            .bytes(&identity.certificate_serial)
            .time(identity.certificate_expires_at)
            .time_opt(identity.revoked_at)
            .number(FORMAT_VERSION.into());
    })
}

pub(crate) fn identity(agent: &AgentId) -> Query<'_> {
    Query::new(IDENTITIES.select(IDENTITIES.name))
        .sql(" WHERE agent = ")
        .text(agent.as_str())
}

/// The identity that a machine with this checkpoint and key has in the cell. It may search all of the
/// cell's, which costs milliseconds, and only whoever holds a token that is alive can ask.
pub(crate) fn of_machine(identity: &AgentIdentity) -> Query<'_> {
    Query::new(IDENTITIES.select(IDENTITIES.name))
        .sql(" WHERE cell = ")
        .text(identity.cell.as_str())
        .sql(" AND key_fingerprint = ")
        .bytes(&identity.key_fingerprint[..])
        .sql(" AND checkpoint = ")
        .text(identity.checkpoint.as_str())
}

pub(crate) fn next_certificate(identity: &AgentIdentity) -> Query<'_> {
    Query::new("UPDATE agent_identity SET certificate_serial = ")
        .bytes(&identity.certificate_serial)
        .sql(", certificate_expires_at_us = ")
        .time(identity.certificate_expires_at)
        .sql(" WHERE agent = ")
        .text(identity.agent.as_str())
}

pub(crate) fn revoke(agent: &AgentId, now: Time) -> Query<'_> {
    Query::new("UPDATE agent_identity SET revoked_at_us = coalesce(revoked_at_us, ")
        .time(now)
        .sql(") WHERE agent = ")
        .text(agent.as_str())
}

pub(crate) fn decode_token(row: AnyRow<'_>) -> Result<EnrollmentToken, Error> {
    let columns = Columns::of(TOKENS.name, row)?;
    let hash: &[u8] = columns.get("hash")?;
    Ok(EnrollmentToken {
        hash: columns.required("hash", hash.try_into().ok())?,
        cell: columns.id("cell")?,
        uses_max: columns.number("uses_max")?,
        used: columns.number("used")?,
        created_at: columns.time("created_at_us")?,
        expires_at: columns.time("expires_at_us")?,
    })
}

pub(crate) fn decode_identity(row: AnyRow<'_>) -> Result<AgentIdentity, Error> {
    let columns = Columns::of(IDENTITIES.name, row)?;
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
