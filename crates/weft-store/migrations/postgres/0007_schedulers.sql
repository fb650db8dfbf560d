-- Schedulers that are there, until when by the database's clock: shards are shared out among them.
CREATE TABLE schedulers (
    id TEXT COLLATE "C" PRIMARY KEY,
    until BIGINT NOT NULL
);
