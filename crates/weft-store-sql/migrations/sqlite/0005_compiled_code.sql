-- Which blob holds the code of a component for machines of one kind, signed with one key.
CREATE TABLE compiled (
    tenant TEXT NOT NULL,
    component BLOB NOT NULL,
    name TEXT NOT NULL,
    signer TEXT NOT NULL,
    digest BLOB NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (tenant, component, name, signer)
) STRICT, WITHOUT ROWID;
