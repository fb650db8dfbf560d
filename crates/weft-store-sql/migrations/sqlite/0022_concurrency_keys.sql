-- What the runs of a DAG count by that bounds them by key; empty if it limits their rate as a whole.
ALTER TABLE runs ADD COLUMN concurrency_key TEXT;
CREATE INDEX runs_started ON runs (dag, started) WHERE concurrency_key IS NOT NULL AND started IS NOT NULL;
