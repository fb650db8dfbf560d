-- Why attempts failed, counted by hour and cause as turns are committed, so that no history is read to say what fails now.
-- hour: hours since the Unix epoch. fingerprint: of code and message without what differs from one failure to another.
-- newest: the attempt that failed last, as text that sorts by its time.
CREATE TABLE failures (
    tenant TEXT NOT NULL,
    hour INTEGER NOT NULL,
    dag INTEGER NOT NULL,
    version INTEGER NOT NULL,
    task INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    newest TEXT NOT NULL,
    PRIMARY KEY (tenant, hour, dag, version, task, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE INDEX failures_cause ON failures (tenant, fingerprint, hour);
-- Runs that failed, by when: only they pay for it.
CREATE INDEX runs_failed ON runs (tenant, ended) WHERE state = 11;
