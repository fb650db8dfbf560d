-- The last committed turn of each shard, which a takeover leaves as it is: what the broker knows of a later
-- one shows that the database lost it.
ALTER TABLE shards ADD COLUMN last_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shards ADD COLUMN last_turn INTEGER NOT NULL DEFAULT 0;
