-- The rows that are the truth of a partition, in the shape that Postgres will have as well.
--
-- Times are microseconds since the unix epoch (`_at_us`), spans are microseconds (`_us`), scalars are
-- thousandths (`_millis`). Text keys compare bytewise, which is SQLite's own order; Postgres needs
-- COLLATE "C" for the same one. A number that Insula counts in 64 bits without a sign is a signed
-- one here, since SQLite knows no other; the store refuses what does not fit.
-- `format_version` is the version of the build that wrote the row.

-- Where epochs come from: one source for all partitions.
CREATE TABLE epoch_source (
    one             INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    last            INTEGER NOT NULL
) STRICT;

INSERT INTO epoch_source (one, last) VALUES (1, 0);

-- The fence: whoever commits must name the epoch and the number that stand here.
CREATE TABLE partition_head (
    partition       INTEGER NOT NULL PRIMARY KEY,
    epoch           INTEGER NOT NULL,
    commit_no       INTEGER NOT NULL,
    format_version  INTEGER NOT NULL
) STRICT;

-- The highest input applied, per sender incarnation.
CREATE TABLE input_mark (
    partition       INTEGER NOT NULL,
    sender          TEXT    NOT NULL,
    seq             INTEGER NOT NULL,
    format_version  INTEGER NOT NULL,
    PRIMARY KEY (partition, sender)
) STRICT, WITHOUT ROWID;

-- `seed` holds 64 random bits, read as a signed number.
CREATE TABLE cell (
    cell            TEXT    NOT NULL PRIMARY KEY,
    partition       INTEGER NOT NULL,
    seed            INTEGER NOT NULL,
    time_us         INTEGER NOT NULL,
    format_version  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `limits` is a JSON object: thousandths by the name of the scalar, {"cpus": 4000}.
CREATE TABLE role (
    cell            TEXT    NOT NULL,
    path            TEXT    NOT NULL,
    tenant          TEXT    NOT NULL,
    weight_millis   INTEGER NOT NULL,
    limits          TEXT    NOT NULL,
    format_version  INTEGER NOT NULL,
    PRIMARY KEY (cell, path)
) STRICT, WITHOUT ROWID;

-- `resources` is text such as cpus:4;mem:2048. `attributes` is a JSON array of pairs in the owner's
-- order, [["rack", "a7"]]. `capabilities` is the JSON object of AgentCapabilities.
CREATE TABLE agent (
    cell                  TEXT    NOT NULL,
    agent                 TEXT    NOT NULL,
    checkpoint            TEXT    NOT NULL,
    session               TEXT    NOT NULL,
    hostname              TEXT    NOT NULL,
    resources             TEXT    NOT NULL,
    attributes            TEXT    NOT NULL,
    capabilities          TEXT    NOT NULL,
    version               TEXT    NOT NULL,
    state                 TEXT    NOT NULL CHECK (state IN ('registered', 'unreachable')),
    unreachable_since_us  INTEGER,
    confirmed             INTEGER NOT NULL,
    registered_at_us      INTEGER NOT NULL,
    reregistered_at_us    INTEGER NOT NULL,
    format_version        INTEGER NOT NULL,
    PRIMARY KEY (cell, agent)
) STRICT;

-- `roles` and `suppressed` are JSON arrays of names. `capabilities` is the JSON object of
-- Capabilities. `payload` is the framework's own FrameworkInfo, encoded. `state_at_us` is the
-- deadline of a disconnected framework and the time of removal of a removed one.
CREATE TABLE framework (
    cell                 TEXT    NOT NULL,
    tenant               TEXT    NOT NULL,
    framework            TEXT    NOT NULL,
    name                 TEXT    NOT NULL,
    run_as               TEXT    NOT NULL,
    roles                TEXT    NOT NULL,
    capabilities         TEXT    NOT NULL,
    failover_timeout_us  INTEGER NOT NULL,
    checkpoint           INTEGER NOT NULL,
    principal            TEXT    NOT NULL,
    hostname             TEXT    NOT NULL,
    webui_url            TEXT    NOT NULL,
    payload              BLOB    NOT NULL,
    state                TEXT    NOT NULL CHECK (state IN ('subscribed', 'disconnected', 'removed')),
    state_at_us          INTEGER,
    suppressed           TEXT    NOT NULL,
    registered_at_us     INTEGER NOT NULL,
    reregistered_at_us   INTEGER NOT NULL,
    format_version       INTEGER NOT NULL,
    PRIMARY KEY (cell, tenant, framework)
) STRICT;

-- One row per launch. `state`, `source` and `reason` are the names of Mesos; the columns from
-- `source` to `extra` are the latest status. `terminal` follows from `state`; it is a column so that
-- lists need not know the states.
CREATE TABLE task (
    cell                  TEXT    NOT NULL,
    launch_epoch          INTEGER NOT NULL,
    launch_number         INTEGER NOT NULL,
    tenant                TEXT    NOT NULL,
    framework             TEXT    NOT NULL,
    task                  TEXT    NOT NULL,
    name                  TEXT    NOT NULL,
    kind                  TEXT    NOT NULL,
    run_as                TEXT    NOT NULL,
    agent                 TEXT    NOT NULL,
    role                  TEXT    NOT NULL,
    resources             TEXT    NOT NULL,
    state                 TEXT    NOT NULL,
    terminal              INTEGER NOT NULL,
    source                TEXT    NOT NULL,
    reason                TEXT,
    message               TEXT    NOT NULL,
    status_agent          TEXT,
    status_executor       TEXT,
    status_at_us          INTEGER NOT NULL,
    status_uuid           BLOB,
    exit_code             INTEGER,
    exit_signal           INTEGER,
    unreachable_since_us  INTEGER,
    data                  BLOB    NOT NULL,
    extra                 BLOB    NOT NULL,
    last_uuid             BLOB,
    launch_seq            INTEGER NOT NULL,
    kill_seq              INTEGER,
    kill_grace_us         INTEGER,
    ack_seq               INTEGER,
    ack_uuid              BLOB,
    archived              INTEGER NOT NULL,
    attempt               INTEGER NOT NULL,
    submitted_at_us       INTEGER,
    accepted_at_us        INTEGER NOT NULL,
    started_at_us         INTEGER,
    ended_at_us           INTEGER,
    traceparent           TEXT    NOT NULL,
    tracestate            TEXT    NOT NULL,
    format_version        INTEGER NOT NULL,
    PRIMARY KEY (cell, launch_epoch, launch_number)
) STRICT;

-- The latest start of a task id, and a framework's history.
CREATE INDEX task_by_key ON task (cell, tenant, framework, task, launch_epoch, launch_number);

-- What a kernel is loaded from, found without passing through the history.
CREATE INDEX task_live ON task (cell, launch_epoch, launch_number) WHERE archived = 0;

-- The encoded TaskInfo, apart from the task since it is large and written once. Whose it is stands
-- in the task's row.
CREATE TABLE task_payload (
    cell            TEXT    NOT NULL,
    launch_epoch    INTEGER NOT NULL,
    launch_number   INTEGER NOT NULL,
    payload         BLOB    NOT NULL,
    format_version  INTEGER NOT NULL,
    PRIMARY KEY (cell, launch_epoch, launch_number)
) STRICT;

-- `constraints` is a JSON array of pairs, [["rack", "a7"]]. The launch is that of the start under
-- way, if there is one.
CREATE TABLE request (
    cell             TEXT    NOT NULL,
    tenant           TEXT    NOT NULL,
    task             TEXT    NOT NULL,
    name             TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    resources        TEXT    NOT NULL,
    constraints      TEXT    NOT NULL,
    retries          INTEGER NOT NULL,
    payload          BLOB    NOT NULL,
    traceparent      TEXT    NOT NULL,
    tracestate       TEXT    NOT NULL,
    launch_epoch     INTEGER,
    launch_number    INTEGER,
    attempts         INTEGER NOT NULL,
    submitted_at_us  INTEGER NOT NULL,
    withdrawn_at_us  INTEGER,
    format_version   INTEGER NOT NULL,
    PRIMARY KEY (cell, tenant, task)
) STRICT;
