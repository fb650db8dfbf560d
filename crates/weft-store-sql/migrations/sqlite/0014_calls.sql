-- The task instance that called a run, and the DAGs of its run and of those above it: a JSON list, the first
-- caller first.
ALTER TABLE runs ADD COLUMN caller INTEGER;
ALTER TABLE runs ADD COLUMN caller_task INTEGER;
ALTER TABLE runs ADD COLUMN caller_index INTEGER;
ALTER TABLE runs ADD COLUMN caller_dags TEXT;
CREATE INDEX runs_caller ON runs (caller, id) WHERE caller IS NOT NULL;
