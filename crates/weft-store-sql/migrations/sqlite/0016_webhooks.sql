-- Addresses by which other systems trigger runs. id: random, the public part of the URL. about: JSON. What signs the
-- requests is in secrets, of kind 4, under the id.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    dag INTEGER NOT NULL,
    name TEXT NOT NULL,
    about TEXT NOT NULL,
    created INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    UNIQUE (dag, name)
) STRICT, WITHOUT ROWID;
