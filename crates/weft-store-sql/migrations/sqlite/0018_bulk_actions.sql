-- An action on many runs gives each run one command under its key, however often it is repeated.
ALTER TABLE commands ADD COLUMN key TEXT;
CREATE UNIQUE INDEX commands_key ON commands (run, key) WHERE key IS NOT NULL;
-- The runs of a DAG before and after a logical date. Without those that are queued, which have an index of their own.
CREATE INDEX runs_dag_date ON runs (dag, logical_date, id) WHERE state <> 1;
