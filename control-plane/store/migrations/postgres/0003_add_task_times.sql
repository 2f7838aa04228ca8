-- More of a task's recorded timeline: when the acknowledgement of its terminal update was stepped, and
-- what its agent says by its own clock. A row that was written before says nothing of them, and a
-- replica of a former build leaves them as they are: no column that it knows has changed.
ALTER TABLE task
    ADD COLUMN acknowledged_at_us    bigint,
    ADD COLUMN agent_received_at_us  bigint,
    ADD COLUMN agent_started_at_us   bigint,
    ADD COLUMN agent_ended_at_us     bigint;

ALTER TABLE task_history
    ADD COLUMN acknowledged_at_us    bigint,
    ADD COLUMN agent_received_at_us  bigint,
    ADD COLUMN agent_started_at_us   bigint,
    ADD COLUMN agent_ended_at_us     bigint;

-- A view has the columns that its tables had when it was made.
CREATE OR REPLACE VIEW any_task AS SELECT * FROM task UNION ALL SELECT * FROM task_history;
