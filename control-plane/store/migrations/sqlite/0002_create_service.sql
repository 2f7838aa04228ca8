-- What the service knows beside the scheduling: who may join, and what may run.

-- Certificate authorities, DER. The keys lie here in plain: the database file and its directory are
-- readable by their owner alone. With organizations of their own they come to be encrypted at rest.
-- `cell` is empty for the authority of the service itself.
CREATE TABLE authority (
    name            TEXT    NOT NULL PRIMARY KEY,
    cell            TEXT,
    certificate     BLOB    NOT NULL,
    private_key     BLOB    NOT NULL,
    created_at_us   INTEGER NOT NULL,
    format_version  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A token is shown once and kept as the SHA-256 of its secret.
CREATE TABLE enrollment_token (
    hash            BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    cell            TEXT    NOT NULL,
    uses_max        INTEGER NOT NULL,
    used            INTEGER NOT NULL CHECK (used <= uses_max),
    created_at_us   INTEGER NOT NULL,
    expires_at_us   INTEGER NOT NULL,
    format_version  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `key_fingerprint` is the SHA-256 of the agent's public key (SubjectPublicKeyInfo, DER).
CREATE TABLE agent_identity (
    agent                      TEXT    NOT NULL PRIMARY KEY,
    cell                       TEXT    NOT NULL,
    checkpoint                 TEXT    NOT NULL,
    key_fingerprint            BLOB    NOT NULL CHECK (length(key_fingerprint) = 32),
    certificate_serial         BLOB    NOT NULL,
    certificate_expires_at_us  INTEGER NOT NULL,
    enrolled_at_us             INTEGER NOT NULL,
    revoked_at_us              INTEGER,
    format_version             INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX agent_identity_by_cell ON agent_identity (cell, agent);

-- The bytes lie beside the database in a file named by `digest`, the lowercase hex of their SHA-256.
CREATE TABLE module (
    tenant          TEXT    NOT NULL,
    digest          TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    kind            TEXT    NOT NULL CHECK (kind IN ('core', 'component')),
    bytes           INTEGER NOT NULL,
    created_at_us   INTEGER NOT NULL,
    format_version  INTEGER NOT NULL,
    PRIMARY KEY (tenant, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX module_by_digest ON module (digest);
