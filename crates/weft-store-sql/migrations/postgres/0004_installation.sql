-- What an installation is known by where several share something, such as a Redis.
CREATE TABLE installation (id TEXT NOT NULL);
INSERT INTO installation (id) VALUES (md5(random()::text || clock_timestamp()::text || random()::text));
