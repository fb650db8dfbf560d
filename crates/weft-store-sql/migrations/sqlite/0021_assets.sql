-- Which assets the active versions of DAGs update (kind 0, by a task) and have runs created by (kind 1, without a task).
CREATE TABLE asset_edges (
    dag INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    asset TEXT NOT NULL,
    task TEXT NOT NULL,
    tenant TEXT NOT NULL,
    PRIMARY KEY (dag, kind, asset, task)
) STRICT, WITHOUT ROWID;
CREATE INDEX asset_edges_asset ON asset_edges (tenant, asset, kind, dag, task);

-- Every asset that was updated, with its last update.
CREATE TABLE assets (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    newest INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

-- Updates of assets: by an attempt (run to nonce), or by a person or a program (created_by). An empty part is the whole
-- asset. metadata: JSON.
CREATE TABLE asset_updates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    asset TEXT NOT NULL,
    part TEXT NOT NULL,
    metadata TEXT,
    at INTEGER NOT NULL,
    run INTEGER,
    task INTEGER,
    map_index INTEGER,
    number INTEGER,
    nonce INTEGER,
    created_by TEXT,
    idempotency_key TEXT
) STRICT;
CREATE INDEX asset_updates_asset ON asset_updates (tenant, asset, id);
CREATE UNIQUE INDEX asset_updates_attempt ON asset_updates (run, task, map_index, nonce, asset, part) WHERE run IS NOT NULL;
CREATE INDEX asset_updates_run ON asset_updates (run, id) WHERE run IS NOT NULL;
CREATE INDEX asset_updates_reported ON asset_updates (at, id) WHERE run IS NULL;
CREATE UNIQUE INDEX asset_updates_key ON asset_updates (tenant, asset, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Updates that no run of a DAG was created of yet: the ids of the first and the last one, and how many.
CREATE TABLE asset_waiting (
    dag INTEGER NOT NULL,
    asset TEXT NOT NULL,
    tenant TEXT NOT NULL,
    oldest INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    updates INTEGER NOT NULL,
    PRIMARY KEY (dag, asset)
) STRICT, WITHOUT ROWID;
CREATE INDEX asset_waiting_tenant ON asset_waiting (tenant, dag);

-- The updates that runs were created of.
CREATE TABLE run_assets (
    run INTEGER NOT NULL,
    asset_update INTEGER NOT NULL,
    PRIMARY KEY (run, asset_update)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_assets_update ON run_assets (asset_update, run);
