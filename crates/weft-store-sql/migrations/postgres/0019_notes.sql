-- What people wrote about a run (task -1) or one of its task instances. body: JSON. Deleted with the run.
CREATE TABLE notes (
    run BIGINT NOT NULL,
    task BIGINT NOT NULL,
    map_index BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, task, map_index)
);
