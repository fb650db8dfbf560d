-- Times are milliseconds since the Unix epoch, UTC. Columns that hold JSON are texts.
-- The rules that span columns live in weft-core; what stands here are keys and
-- the indexes that lists and the scheduler's sweep go by.

-- Who schedules a shard. A transaction of a scheduler compares the epoch, and
-- leaves the number of its turn, which starts over with each epoch.
CREATE TABLE shards (
    shard INTEGER PRIMARY KEY,
    owner TEXT,
    epoch INTEGER NOT NULL,
    until INTEGER NOT NULL,
    turn INTEGER NOT NULL
) STRICT;

-- Apart from shards, since people write here and must not wait for a scheduler's turn.
CREATE TABLE settings (
    shard INTEGER PRIMARY KEY REFERENCES shards (shard),
    version INTEGER NOT NULL,
    max_active_tasks INTEGER
) STRICT;

CREATE TABLE tenants (
    id TEXT PRIMARY KEY,
    shard INTEGER NOT NULL REFERENCES shards (shard),
    weight INTEGER NOT NULL,
    max_active_tasks INTEGER,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pools (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    slots INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE policies (
    tenant TEXT PRIMARY KEY REFERENCES tenants (id),
    text TEXT NOT NULL,
    updated INTEGER NOT NULL,
    updated_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dags (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    shard INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    -- A row of versions. Not a foreign key, since versions point here.
    active INTEGER,
    last_number INTEGER NOT NULL,
    last_scheduled INTEGER,
    scheduled_since INTEGER NOT NULL,
    next_run INTEGER,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    deleted INTEGER
) STRICT;
CREATE UNIQUE INDEX dags_id ON dags (tenant, id) WHERE deleted IS NULL;
CREATE INDEX dags_shard ON dags (shard, key) WHERE deleted IS NULL;
CREATE INDEX dags_deleted ON dags (key) WHERE deleted IS NOT NULL;

CREATE TABLE versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    dag INTEGER NOT NULL REFERENCES dags (key),
    number INTEGER NOT NULL,
    digest BLOB NOT NULL,
    document TEXT NOT NULL,
    files TEXT NOT NULL,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    UNIQUE (dag, digest),
    UNIQUE (dag, number)
) STRICT;

-- state: 1 queued, 2 running, 10 success, 11 failed, 14 cancelled.
-- kind: 1 manual, 2 scheduled, 3 backfill.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    dag INTEGER NOT NULL REFERENCES dags (key),
    version INTEGER NOT NULL,
    shard INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    logical_date INTEGER NOT NULL,
    interval_start INTEGER NOT NULL,
    interval_end INTEGER NOT NULL,
    params TEXT NOT NULL,
    not_before INTEGER NOT NULL,
    created INTEGER NOT NULL,
    created_by TEXT,
    trace TEXT,
    idempotency_key TEXT,
    started INTEGER,
    ended INTEGER,
    counts TEXT,
    -- It is being deleted: nothing may be wanted of it any more.
    expiring INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_tenant ON runs (tenant, id);
CREATE INDEX runs_tenant_state ON runs (tenant, state, id);
CREATE INDEX runs_dag ON runs (dag, id);
CREATE INDEX runs_dag_state ON runs (dag, state, id);
CREATE UNIQUE INDEX runs_date ON runs (dag, logical_date) WHERE kind IN (2, 3);
CREATE UNIQUE INDEX runs_key ON runs (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX runs_active ON runs (shard, id) WHERE state = 2;
CREATE INDEX runs_queued ON runs (dag, logical_date, id) WHERE state = 1;
CREATE INDEX runs_queued_dags ON runs (shard, dag, not_before) WHERE state = 1;
CREATE INDEX runs_queued_due ON runs (shard, not_before) WHERE state = 1;

-- The tables of a run name it without a foreign key: only the fenced owner of its
-- shard writes them, and a check for each of a thousand rows of a turn costs more
-- than the row. Retention deletes them together.

-- state: InstanceTag.
CREATE TABLE task_instances (
    run INTEGER NOT NULL,
    task INTEGER NOT NULL,
    map_index INTEGER NOT NULL,
    state INTEGER NOT NULL,
    cause TEXT NOT NULL,
    number INTEGER NOT NULL,
    nonce INTEGER NOT NULL,
    queued INTEGER,
    started INTEGER,
    ended INTEGER,
    due INTEGER,
    worker TEXT,
    output TEXT,
    output_digest BLOB,
    output_bytes INTEGER,
    resume TEXT,
    error TEXT,
    usage TEXT,
    log TEXT,
    PRIMARY KEY (run, task, map_index)
) STRICT, WITHOUT ROWID;
-- Successes are what a list without a filter shows; leaving them out keeps this small.
CREATE INDEX task_instances_state ON task_instances (run, state, task, map_index) WHERE state <> 10;
CREATE INDEX task_instances_blob ON task_instances (output_digest) WHERE output_digest IS NOT NULL;

CREATE TABLE attempts (
    run INTEGER NOT NULL,
    task INTEGER NOT NULL,
    map_index INTEGER NOT NULL,
    number INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    queued INTEGER,
    started INTEGER,
    ended INTEGER,
    worker TEXT,
    error TEXT,
    usage TEXT,
    log TEXT,
    PRIMARY KEY (run, task, map_index, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_tasks (
    run INTEGER NOT NULL,
    task INTEGER NOT NULL,
    instances INTEGER NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (run, task)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_events (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    shard INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    run INTEGER NOT NULL,
    body TEXT NOT NULL,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    done INTEGER,
    refused TEXT
) STRICT;
CREATE INDEX commands_waiting ON commands (shard, id) WHERE done IS NULL;
CREATE INDEX commands_run ON commands (run, id);
CREATE INDEX commands_done ON commands (done) WHERE done IS NOT NULL;

-- kind: SecretKind. What is sealed opens only for its (tenant, kind, name).
CREATE TABLE secrets (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    about TEXT NOT NULL,
    key_id INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    updated INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
    name TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    queues TEXT NOT NULL,
    slots INTEGER NOT NULL,
    draining INTEGER NOT NULL,
    started INTEGER NOT NULL,
    seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- hash: the SHA-256 of a token that is itself random.
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    tenant TEXT,
    role INTEGER NOT NULL,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires INTEGER,
    revoked INTEGER,
    last_used INTEGER
) STRICT;
CREATE INDEX tokens_tenant ON tokens (tenant, id);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    tenant TEXT,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    details TEXT
) STRICT;
CREATE INDEX audit_tenant ON audit (tenant, id);

CREATE TABLE answers (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    request BLOB NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_created ON answers (created);

INSERT INTO shards (shard, owner, epoch, until, turn) VALUES (0, NULL, 0, 0, 0);
INSERT INTO settings (shard, version, max_active_tasks) VALUES (0, 1, NULL);
INSERT INTO tenants (id, shard, weight, max_active_tasks, created) VALUES ('default', 0, 100, NULL, 0);
