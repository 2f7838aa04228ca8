-- The rows that are the truth of all partitions, in the shape that SQLite has as well.
--
-- Times are microseconds since the unix epoch (`_at_us`), spans are microseconds (`_us`), scalars are
-- thousandths (`_millis`). Text that is a key compares bytewise. A number that Insula counts in 64
-- bits without a sign is a signed one here; the store refuses what does not fit. What stands in
-- `text` as JSON is read and written whole, never searched.
-- `format_version` is the version of the build that wrote the row.

-- Where epochs come from: one source for all partitions.
CREATE TABLE epoch_source (
    one             bigint NOT NULL PRIMARY KEY CHECK (one = 1),
    last            bigint NOT NULL
);

INSERT INTO epoch_source (one, last) VALUES (1, 0);

-- The fence: whoever commits must name the epoch and the number that stand here. Updated by every
-- commit, so its pages keep room for the next version of each row.
CREATE TABLE partition_head (
    partition       bigint NOT NULL PRIMARY KEY,
    epoch           bigint NOT NULL,
    commit_no       bigint NOT NULL,
    format_version  bigint NOT NULL
) WITH (fillfactor = 10);

-- Who may own a partition, and until when by this database's clock. Apart from the head: a renewal
-- never waits for a commit, nor a commit for a renewal. Nobody's lease has no replica.
CREATE TABLE partition_lease (
    partition       bigint      NOT NULL PRIMARY KEY,
    epoch           bigint      NOT NULL,
    replica         text        COLLATE "C",
    expires_at      timestamptz NOT NULL
) WITH (fillfactor = 10);

-- The highest input applied, per sender incarnation.
CREATE TABLE input_mark (
    partition       bigint NOT NULL,
    sender          text   NOT NULL COLLATE "C",
    seq             bigint NOT NULL,
    format_version  bigint NOT NULL,
    PRIMARY KEY (partition, sender)
) WITH (fillfactor = 50);

-- `seed` holds 64 random bits, read as a signed number.
CREATE TABLE cell (
    cell            text   NOT NULL COLLATE "C" PRIMARY KEY,
    partition       bigint NOT NULL,
    seed            bigint NOT NULL,
    time_us         bigint NOT NULL,
    format_version  bigint NOT NULL
) WITH (fillfactor = 50);

CREATE INDEX cell_by_partition ON cell (partition, cell);

-- `limits` is a JSON object: thousandths by the name of the scalar, {"cpus": 4000}.
CREATE TABLE role (
    cell            text   NOT NULL COLLATE "C",
    path            text   NOT NULL COLLATE "C",
    tenant          text   NOT NULL COLLATE "C",
    weight_millis   bigint NOT NULL,
    limits          text   NOT NULL,
    format_version  bigint NOT NULL,
    PRIMARY KEY (cell, path)
);

-- `resources` is text such as cpus:4;mem:2048. `attributes` is a JSON array of pairs in the owner's
-- order, [["rack", "a7"]]. `capabilities` is the JSON object of AgentCapabilities.
CREATE TABLE agent (
    cell                  text   NOT NULL COLLATE "C",
    agent                 text   NOT NULL COLLATE "C",
    checkpoint            text   NOT NULL COLLATE "C",
    session               text   NOT NULL COLLATE "C",
    hostname              text   NOT NULL,
    resources             text   NOT NULL,
    attributes            text   NOT NULL,
    capabilities          text   NOT NULL,
    version               text   NOT NULL,
    state                 text   NOT NULL CHECK (state IN ('registered', 'unreachable')),
    unreachable_since_us  bigint,
    confirmed             bigint NOT NULL,
    registered_at_us      bigint NOT NULL,
    reregistered_at_us    bigint NOT NULL,
    format_version        bigint NOT NULL,
    PRIMARY KEY (cell, agent)
) WITH (fillfactor = 70);

-- `roles` and `suppressed` are JSON arrays of names. `capabilities` is the JSON object of
-- Capabilities. `payload` is the framework's own FrameworkInfo, encoded. `state_at_us` is the
-- deadline of a disconnected framework and the time of removal of a removed one.
CREATE TABLE framework (
    cell                 text    NOT NULL COLLATE "C",
    tenant               text    NOT NULL COLLATE "C",
    framework            text    NOT NULL COLLATE "C",
    name                 text    NOT NULL,
    run_as               text    NOT NULL,
    roles                text    NOT NULL,
    capabilities         text    NOT NULL,
    failover_timeout_us  bigint  NOT NULL,
    checkpoint           boolean NOT NULL,
    principal            text    NOT NULL,
    hostname             text    NOT NULL,
    webui_url            text    NOT NULL,
    payload              bytea   NOT NULL,
    state                text    NOT NULL CHECK (state IN ('subscribed', 'disconnected', 'removed')),
    state_at_us          bigint,
    suppressed           text    NOT NULL,
    registered_at_us     bigint  NOT NULL,
    reregistered_at_us   bigint  NOT NULL,
    format_version       bigint  NOT NULL,
    PRIMARY KEY (cell, tenant, framework)
) WITH (fillfactor = 70);

-- One row per launch that is not archived. `state`, `source` and `reason` are the names of Mesos; the
-- columns from `source` to `extra` are the latest status. `terminal` follows from `state`; it is a
-- column so that lists need not know the states.
--
-- A task's row changes several times in its life and then leaves: room in each page lets a change
-- stay beside the row that it replaces, and early vacuuming keeps the table as small as what lives.
CREATE TABLE task (
    cell                  text    NOT NULL COLLATE "C",
    launch_epoch          bigint  NOT NULL,
    launch_number         bigint  NOT NULL,
    tenant                text    NOT NULL COLLATE "C",
    framework             text    NOT NULL COLLATE "C",
    task                  text    NOT NULL COLLATE "C",
    name                  text    NOT NULL,
    kind                  text    NOT NULL,
    run_as                text    NOT NULL,
    agent                 text    NOT NULL COLLATE "C",
    role                  text    NOT NULL COLLATE "C",
    resources             text    NOT NULL,
    state                 text    NOT NULL,
    terminal              boolean NOT NULL,
    source                text    NOT NULL,
    reason                text,
    message               text    NOT NULL,
    status_agent          text    COLLATE "C",
    status_executor       text    COLLATE "C",
    status_at_us          bigint  NOT NULL,
    status_uuid           bytea   CHECK (octet_length(status_uuid) = 16),
    exit_code             bigint,
    exit_signal           bigint,
    unreachable_since_us  bigint,
    data                  bytea   NOT NULL,
    extra                 bytea   NOT NULL,
    last_uuid             bytea   CHECK (octet_length(last_uuid) = 16),
    launch_seq            bigint  NOT NULL,
    kill_seq              bigint,
    kill_grace_us         bigint,
    ack_seq               bigint,
    ack_uuid              bytea   CHECK (octet_length(ack_uuid) = 16),
    archived              boolean NOT NULL,
    attempt               bigint  NOT NULL,
    submitted_at_us       bigint,
    accepted_at_us        bigint  NOT NULL,
    started_at_us         bigint,
    ended_at_us           bigint,
    traceparent           text    NOT NULL,
    tracestate            text    NOT NULL,
    format_version        bigint  NOT NULL,
    PRIMARY KEY (cell, launch_epoch, launch_number)
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_insert_scale_factor = 0.5
);

-- The latest start of a task id, and a framework's tasks.
CREATE INDEX task_by_key ON task (cell, tenant, framework, task, launch_epoch, launch_number);

-- Tasks that are archived: written once, by the commit that takes them out of `task`, and removed
-- when history no longer keeps them.
CREATE TABLE task_history (
    LIKE task INCLUDING CONSTRAINTS INCLUDING STORAGE,
    PRIMARY KEY (cell, launch_epoch, launch_number)
);

ALTER TABLE task ADD CHECK (NOT archived);
ALTER TABLE task_history ADD CHECK (archived);

CREATE INDEX task_history_by_key
    ON task_history (cell, tenant, framework, task, launch_epoch, launch_number);

-- Live and archived tasks, for lists.
CREATE VIEW any_task AS SELECT * FROM task UNION ALL SELECT * FROM task_history;

-- The encoded TaskInfo, apart from the task since it is large and written once. Whose it is stands
-- in the task's row.
CREATE TABLE task_payload (
    cell            text   NOT NULL COLLATE "C",
    launch_epoch    bigint NOT NULL,
    launch_number   bigint NOT NULL,
    payload         bytea  NOT NULL,
    format_version  bigint NOT NULL,
    PRIMARY KEY (cell, launch_epoch, launch_number)
);

-- `constraints` is a JSON array of pairs, [["rack", "a7"]]. The launch is that of the start under
-- way, if there is one.
CREATE TABLE request (
    cell             text   NOT NULL COLLATE "C",
    tenant           text   NOT NULL COLLATE "C",
    task             text   NOT NULL COLLATE "C",
    name             text   NOT NULL,
    kind             text   NOT NULL,
    resources        text   NOT NULL,
    constraints      text   NOT NULL,
    retries          bigint NOT NULL,
    payload          bytea  NOT NULL,
    traceparent      text   NOT NULL,
    tracestate       text   NOT NULL,
    launch_epoch     bigint,
    launch_number    bigint,
    attempts         bigint NOT NULL,
    submitted_at_us  bigint NOT NULL,
    withdrawn_at_us  bigint,
    format_version   bigint NOT NULL,
    PRIMARY KEY (cell, tenant, task)
) WITH (fillfactor = 70);

-- Opens the commit that follows `commit_no`. The lock, which ends with the transaction, tells a taker
-- which sessions are in the midst of a commit of the partition. It is held before the head is read,
-- each in a statement of its own: so a commit of an older epoch is either seen by the taker, who
-- looks after it has committed the new epoch, or refused here.
-- The number stands for Insula among the users of advisory locks: its first four letters.
CREATE FUNCTION begin_commit(in_partition bigint, in_epoch bigint, in_commit_no bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1231975285, in_partition::integer);
    PERFORM FROM partition_head
    WHERE partition = in_partition AND epoch = in_epoch AND commit_no = in_commit_no;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'partition % is not at commit % of epoch %',
            in_partition, in_commit_no, in_epoch USING ERRCODE = 'IF001';
    END IF;
END $$;

-- The fence, the last statement before COMMIT: where it finds another epoch or number it fails, and
-- COMMIT cannot follow.
CREATE FUNCTION move_head(in_partition bigint, in_epoch bigint, in_commit_no bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE partition_head SET commit_no = in_commit_no + 1
    WHERE partition = in_partition AND epoch = in_epoch AND commit_no = in_commit_no;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'partition % is not at commit % of epoch %',
            in_partition, in_commit_no, in_epoch USING ERRCODE = 'IF001';
    END IF;
END $$;
