-- What deferred task instances asked people, and the answers. An instance waits for an answer while its row names
-- the wait and the same attempt; the command brings it the answer.
CREATE TABLE approvals (
    run INTEGER NOT NULL,
    task INTEGER NOT NULL,
    map_index INTEGER NOT NULL,
    number INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    request TEXT NOT NULL,
    asked INTEGER NOT NULL,
    choice TEXT,
    comment TEXT,
    fields TEXT,
    decided INTEGER,
    decided_by TEXT,
    command INTEGER,
    PRIMARY KEY (run, task, map_index, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX approvals_undecided ON approvals (tenant, run, task, map_index, number) WHERE decided IS NULL;
