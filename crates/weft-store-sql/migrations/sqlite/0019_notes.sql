-- What people wrote about a run (task -1) or one of its task instances. body: JSON. Deleted with the run.
CREATE TABLE notes (
    run INTEGER NOT NULL,
    task INTEGER NOT NULL,
    map_index INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, task, map_index)
) STRICT, WITHOUT ROWID;
