-- Attempts that were the one suspect when a worker died: a row for each such death.
-- absolved: an attempt of the task has ended by itself since.
CREATE TABLE crashes (
    run BIGINT NOT NULL,
    task_index BIGINT NOT NULL,
    map_index BIGINT NOT NULL,
    number BIGINT NOT NULL,
    dag BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    task TEXT COLLATE "C" NOT NULL,
    worker TEXT NOT NULL,
    at BIGINT NOT NULL,
    absolved SMALLINT NOT NULL,
    PRIMARY KEY (run, task_index, map_index, number)
);
CREATE INDEX crashes_dag ON crashes (dag);
