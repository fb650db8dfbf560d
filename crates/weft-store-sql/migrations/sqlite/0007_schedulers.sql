-- Schedulers that are there, until when by the database's clock: shards are shared out among them.
CREATE TABLE schedulers (
    id TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: the step that a program has to know to work with what stands here. Programs of before
-- go on with steps that they don't know yet.
CREATE TABLE compatibility (
    oldest INTEGER NOT NULL
) STRICT;
INSERT INTO compatibility (oldest) VALUES (7);
