-- The token whose workers have a name, and when one of them claimed it last. A server asks before it
-- registers a worker, so that the name is one worker's at all servers.
CREATE TABLE worker_names (
    name TEXT PRIMARY KEY,
    token INTEGER NOT NULL,
    claimed INTEGER NOT NULL
) STRICT;

CREATE INDEX worker_names_claimed ON worker_names (claimed);
