-- Addresses by which other systems trigger runs. id: random, the public part of the URL. about: JSON. What signs the
-- requests is in secrets, of kind 4, under the id.
CREATE TABLE webhooks (
    id TEXT COLLATE "C" PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    dag BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    about TEXT NOT NULL,
    created BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    UNIQUE (dag, name)
);
