-- Schedulers that are there, until when by the database's clock: shards are shared out among them.
CREATE TABLE schedulers (
    id TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
