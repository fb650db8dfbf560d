-- The task instance that called a run, and the DAGs of its run and of those above it: a JSON list, the first
-- caller first.
ALTER TABLE runs ADD COLUMN caller BIGINT;
ALTER TABLE runs ADD COLUMN caller_task BIGINT;
ALTER TABLE runs ADD COLUMN caller_index BIGINT;
ALTER TABLE runs ADD COLUMN caller_dags TEXT;
CREATE INDEX runs_caller ON runs (caller, id) WHERE caller IS NOT NULL;
