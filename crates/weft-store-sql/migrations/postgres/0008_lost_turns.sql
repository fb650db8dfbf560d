-- Turns that the database acknowledged and lost, as its shard's scheduler noticed: how many in all, and when last.
ALTER TABLE shards ADD COLUMN lost_turns BIGINT NOT NULL DEFAULT 0;
ALTER TABLE shards ADD COLUMN lost_at BIGINT;
