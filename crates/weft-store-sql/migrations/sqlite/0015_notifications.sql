-- Where notifications go: bits of NotifyOn. What may be shown and what is sealed is in secrets, of kind 3.
CREATE TABLE destinations (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    wanted INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

-- What turns noticed for some destination, until it becomes deliveries. kind: a bit of NotifyOn, 1, 2 or 8. Of a retry it
-- says which task failed why, and how often; newest as in failures.
CREATE TABLE noticed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    dag INTEGER NOT NULL,
    version INTEGER NOT NULL,
    run INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    task INTEGER,
    newest TEXT,
    fingerprint BLOB,
    code TEXT,
    message TEXT
) STRICT;

-- How the last noticed run of a DAG ended: NotifyOn, 1 or 2.
CREATE TABLE last_noticed (
    dag INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL
) STRICT;

-- One row, which rises whenever noticed rows become deliveries, so that one process does it at a time.
CREATE TABLE notification_plan (version INTEGER NOT NULL) STRICT;
INSERT INTO notification_plan (version) VALUES (0);

-- Notifications on their way, and those that arrived or were given up. state: 1 waiting, 2 delivered, 3 given up.
-- due: when it is sent next. claimed: until when a server is sending it. notice: JSON, unchanged once attempts is not 0.
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    destination TEXT NOT NULL,
    key TEXT NOT NULL,
    kind INTEGER NOT NULL,
    fold_key TEXT NOT NULL,
    order_key TEXT,
    notice TEXT NOT NULL,
    state INTEGER NOT NULL,
    created INTEGER NOT NULL,
    due INTEGER NOT NULL,
    claimed INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    last_attempt INTEGER,
    ended INTEGER,
    error TEXT
) STRICT;
CREATE INDEX deliveries_due ON deliveries (due, id) WHERE state = 1;
CREATE INDEX deliveries_waiting ON deliveries (tenant, destination, id) WHERE state = 1;
CREATE INDEX deliveries_tenant ON deliveries (tenant, id);
CREATE INDEX deliveries_destination ON deliveries (tenant, destination, id);
CREATE INDEX deliveries_fold ON deliveries (tenant, destination, fold_key, id);
CREATE INDEX deliveries_ended ON deliveries (ended) WHERE state <> 1;
