-- Runs that no scheduler of this version can continue, since something of them can't be read, and why.
-- Their shard's scheduler replaces these rows; they are for people.
CREATE TABLE held_runs (
    run BIGINT PRIMARY KEY,
    shard BIGINT NOT NULL,
    why TEXT NOT NULL
);

CREATE INDEX held_runs_shard ON held_runs (shard);
