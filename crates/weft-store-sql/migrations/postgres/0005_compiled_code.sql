-- Which blob holds the code of a component for machines of one kind, signed with one key.
CREATE TABLE compiled (
    tenant TEXT COLLATE "C" NOT NULL,
    component BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    signer TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (tenant, component, name, signer)
);
