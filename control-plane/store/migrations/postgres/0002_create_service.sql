-- What the service knows beside the scheduling: who may join, what may run, which replicas there are.
--
-- Times in microseconds since the unix epoch, `_at_us`, are by the wall clock of whoever wrote them.
-- Those that the database itself reckons with are by its own clock (rule R6) and of its own type.

-- Certificate authorities, DER. The keys lie here in plain: give the database to nobody else. With
-- organizations of their own they come to be encrypted at rest. `cell` is empty for the authority of
-- the service itself.
CREATE TABLE authority (
    name            text   NOT NULL COLLATE "C" PRIMARY KEY,
    cell            text   COLLATE "C",
    certificate     bytea  NOT NULL,
    private_key     bytea  NOT NULL,
    created_at_us   bigint NOT NULL,
    format_version  bigint NOT NULL
);

-- A token is shown once and kept as the SHA-256 of its secret.
CREATE TABLE enrollment_token (
    hash            bytea  NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    cell            text   NOT NULL COLLATE "C",
    uses_max        bigint NOT NULL,
    used            bigint NOT NULL CHECK (used <= uses_max),
    created_at_us   bigint NOT NULL,
    expires_at_us   bigint NOT NULL,
    format_version  bigint NOT NULL
);

-- `key_fingerprint` is the SHA-256 of the agent's public key (SubjectPublicKeyInfo, DER).
CREATE TABLE agent_identity (
    agent                      text   NOT NULL COLLATE "C" PRIMARY KEY,
    cell                       text   NOT NULL COLLATE "C",
    checkpoint                 text   NOT NULL COLLATE "C",
    key_fingerprint            bytea  NOT NULL CHECK (length(key_fingerprint) = 32),
    certificate_serial         bytea  NOT NULL,
    certificate_expires_at_us  bigint NOT NULL,
    enrolled_at_us             bigint NOT NULL,
    revoked_at_us              bigint,
    format_version             bigint NOT NULL
);

CREATE INDEX agent_identity_by_cell ON agent_identity (cell, agent);

-- A machine is known by its key: one key and work directory have one identity in a cell.
CREATE UNIQUE INDEX agent_identity_by_machine
    ON agent_identity (cell, key_fingerprint, checkpoint);

-- `digest` is the lowercase hex of the SHA-256 of the bytes, which tenants share.
CREATE TABLE module (
    tenant          text   NOT NULL COLLATE "C",
    digest          text   NOT NULL COLLATE "C",
    name            text   NOT NULL,
    kind            text   NOT NULL CHECK (kind IN ('core', 'component')),
    bytes           bigint NOT NULL,
    created_at_us   bigint NOT NULL,
    format_version  bigint NOT NULL,
    PRIMARY KEY (tenant, digest)
);

CREATE INDEX module_by_digest ON module (digest);

-- Bytes, under a number of their own while they come in: their digest is known only at the end.
-- `chunks` is their count then. `touched_at` is when the last chunk came.
CREATE TABLE module_blob (
    blob            bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest          text   COLLATE "C"  UNIQUE,
    chunks          bigint NOT NULL,
    touched_at      timestamptz NOT NULL,
    format_version  bigint NOT NULL
);

CREATE INDEX module_blob_incoming ON module_blob (touched_at) WHERE digest IS NULL;

CREATE TABLE module_chunk (
    blob            bigint NOT NULL REFERENCES module_blob (blob) ON DELETE CASCADE,
    number          bigint NOT NULL,
    bytes           bytea  NOT NULL,
    PRIMARY KEY (blob, number)
);

-- Out of line and as they are: Postgres would spend more time on compressing a module than the disk
-- on writing it.
ALTER TABLE module_chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Incarnations of control-plane processes. A row stays for a while after its replica has died.
CREATE TABLE replica (
    replica         text   NOT NULL COLLATE "C" PRIMARY KEY,
    advertise       text   NOT NULL,
    version         text   NOT NULL,
    state           text   NOT NULL CHECK (state IN ('starting', 'ready', 'draining')),
    started_at      timestamptz NOT NULL,
    seen_at         timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    format_version  bigint NOT NULL
);

-- What was decided once, when the database was made.
CREATE TABLE deployment (
    one             bigint NOT NULL PRIMARY KEY CHECK (one = 1),
    partitions      bigint NOT NULL CHECK (partitions BETWEEN 1 AND 65535),
    format_version  bigint NOT NULL
);
