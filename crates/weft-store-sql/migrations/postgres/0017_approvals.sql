-- What deferred task instances asked people, and the answers. An instance waits for an answer while its row names
-- the wait and the same attempt; the command brings it the answer.
CREATE TABLE approvals (
    run BIGINT NOT NULL,
    task BIGINT NOT NULL,
    map_index BIGINT NOT NULL,
    number BIGINT NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    request TEXT NOT NULL,
    asked BIGINT NOT NULL,
    choice TEXT COLLATE "C",
    comment TEXT,
    fields TEXT,
    decided BIGINT,
    decided_by TEXT,
    command BIGINT,
    PRIMARY KEY (run, task, map_index, number)
);
CREATE INDEX approvals_undecided ON approvals (tenant, run, task, map_index, number) WHERE decided IS NULL;
