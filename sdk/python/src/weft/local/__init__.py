"""DAGs in this process, without any sandbox: for tests."""
