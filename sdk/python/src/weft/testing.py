"""For tests of single tasks that ask for their context.

with weft.testing.attempt(try_number=2, params={"table": "quakes"}):
    assert partition("x") == "..."
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, Iterator

from weft import host
from weft.local.host import LocalHost


@contextmanager
def attempt(
    *,
    task_id: str = "task",
    dag_id: str = "dag",
    try_number: int = 1,
    map_index: int | None = None,
    logical_date: datetime | None = None,
    params: dict[str, Any] | None = None,
    variables: dict[str, str] | None = None,
    resumed: Any = None,
) -> Iterator[LocalHost]:
    """An attempt that replaces the host while a task is called as a function."""
    moment = (logical_date or datetime.now(timezone.utc)).isoformat()
    document = {
        "tenant": "default",
        "dag": dag_id,
        "run": "test",
        "task": task_id,
        "map_index": map_index,
        "number": try_number,
        "logical_date": moment,
        "data_interval": {"start": moment, "end": moment},
        "params": params or {},
        "deadline": None,
        "idempotency_key": "test",
    }
    local = LocalHost(document, {}, variables or {}, None, resumed)
    with host.installed(local):
        yield local
