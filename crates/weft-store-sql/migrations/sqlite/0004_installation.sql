-- What an installation is known by where several share something, such as a Redis.
CREATE TABLE installation (id TEXT NOT NULL) STRICT;
INSERT INTO installation (id) VALUES (lower(hex(randomblob(16))));
