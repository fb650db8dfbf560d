-- Attempts that were the one suspect when a worker died: a row for each such death.
-- absolved: an attempt of the task has ended by itself since.
CREATE TABLE crashes (
    run INTEGER NOT NULL,
    task_index INTEGER NOT NULL,
    map_index INTEGER NOT NULL,
    number INTEGER NOT NULL,
    dag INTEGER NOT NULL,
    digest BLOB NOT NULL,
    task TEXT NOT NULL,
    worker TEXT NOT NULL,
    at INTEGER NOT NULL,
    absolved INTEGER NOT NULL,
    PRIMARY KEY (run, task_index, map_index, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX crashes_dag ON crashes (dag);
