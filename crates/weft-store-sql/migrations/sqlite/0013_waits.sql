-- What a deferred instance waits for, as text `kind/key`, and what woke it: JSON.
ALTER TABLE task_instances ADD COLUMN wait TEXT;
ALTER TABLE task_instances ADD COLUMN woken TEXT;
CREATE INDEX task_instances_wait ON task_instances (wait, run, task, map_index) WHERE wait IS NOT NULL;

-- Events that people and programs sent to runs. One without a command is kept for the next wait; the others were
-- taken by the wait of an attempt (task, map_index, number), which the command wakes.
CREATE TABLE named_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL,
    name TEXT NOT NULL,
    payload TEXT NOT NULL,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    idempotency_key TEXT,
    command INTEGER,
    task INTEGER,
    map_index INTEGER,
    number INTEGER
) STRICT;
CREATE INDEX named_events_run ON named_events (run, name, id);
CREATE INDEX named_events_kept ON named_events (run, name, id) WHERE command IS NULL;
CREATE INDEX named_events_taken ON named_events (run, task, map_index, number) WHERE command IS NOT NULL;
CREATE INDEX named_events_command ON named_events (command) WHERE command IS NOT NULL;
CREATE UNIQUE INDEX named_events_key ON named_events (run, idempotency_key) WHERE idempotency_key IS NOT NULL;
