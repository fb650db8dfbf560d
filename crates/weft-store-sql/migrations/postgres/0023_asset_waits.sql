-- How often an asset has changed, counted under the lock of its row, so that the number grows in the order of the commits.
ALTER TABLE assets ADD COLUMN changes BIGINT NOT NULL DEFAULT 1;
CREATE INDEX asset_updates_part ON asset_updates (tenant, asset, part, id) WHERE part <> '';
