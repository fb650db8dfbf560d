-- Lists of runs by kind, with or without a state: each page is read in the order of its index.
CREATE INDEX runs_tenant_kind ON runs (tenant, kind, id);
CREATE INDEX runs_tenant_state_kind ON runs (tenant, state, kind, id);
CREATE INDEX runs_dag_kind ON runs (dag, kind, id);
CREATE INDEX runs_dag_state_kind ON runs (dag, state, kind, id);
