-- What may name artifacts is found without reading all outputs that there ever were. The key of a
-- reference may be spelled with escapes, but not without a backslash.
CREATE INDEX task_instances_artifact ON task_instances (run, task, map_index)
    WHERE output LIKE '%$artifact%' OR output LIKE '%\u%' ESCAPE '!';
CREATE INDEX task_instances_resume ON task_instances (run, task, map_index) WHERE resume IS NOT NULL;
CREATE INDEX runs_artifact ON runs (id) WHERE params LIKE '%$artifact%' OR params LIKE '%\u%' ESCAPE '!';
