-- Why attempts failed, counted by hour and cause as turns are committed, so that no history is read to say what fails now.
-- hour: hours since the Unix epoch. fingerprint: of code and message without what differs from one failure to another.
-- newest: the attempt that failed last, as text that sorts by its time.
CREATE TABLE failures (
    tenant TEXT COLLATE "C" NOT NULL,
    hour BIGINT NOT NULL,
    dag BIGINT NOT NULL,
    version BIGINT NOT NULL,
    task BIGINT NOT NULL,
    fingerprint BYTEA NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    newest TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, hour, dag, version, task, fingerprint)
);
CREATE INDEX failures_cause ON failures (tenant, fingerprint, hour);
-- Runs that failed, by when: only they pay for it.
CREATE INDEX runs_failed ON runs (tenant, ended) WHERE state = 11;
