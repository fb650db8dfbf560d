-- While such a DAG is paused, nothing of its runs is dispatched.
ALTER TABLE dags ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
