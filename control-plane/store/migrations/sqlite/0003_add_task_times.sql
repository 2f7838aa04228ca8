-- More of a task's recorded timeline: when the acknowledgement of its terminal update was stepped, and
-- what its agent says by its own clock. A row that was written before says nothing of them.
ALTER TABLE task ADD COLUMN acknowledged_at_us INTEGER;
ALTER TABLE task ADD COLUMN agent_received_at_us INTEGER;
ALTER TABLE task ADD COLUMN agent_started_at_us INTEGER;
ALTER TABLE task ADD COLUMN agent_ended_at_us INTEGER;
