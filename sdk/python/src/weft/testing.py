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
    event: tuple[str, Any] | None = None,
    timed_out: bool = False,
    run: dict[str, Any] | None = None,
    call_refused: tuple[str, str] | None = None,
    approval: dict[str, Any] | None = None,
    update: dict[str, Any] | None = None,
) -> Iterator[LocalHost]:
    """An attempt that replaces the host while a task is called as a function.

    What woke it: `event` is the name and the payload of an event; `run` a run that
    ended, such as `{"dag": "daily", "state": "failed"}`, of a called one with
    `outputs`, of a task of a run with `task`; `call_refused` the code and the message of
    a call that was refused; `approval` an answer, such as `{"option": "approve"}`; `update` an update of an asset,
    such as `{"asset": "orders", "partition": "2026-11-26"}`;
    `timed_out` says that none of them came in time.
    """
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
    if event is not None:
        document["woken"] = {"event": event[0], "payload": event[1]}
    elif run is not None:
        document["woken"] = {"run": "test", "dag": None, "state": "success", **run}
    elif call_refused is not None:
        document["woken"] = {"error": {"code": call_refused[0], "message": call_refused[1]}}
    elif approval is not None:
        document["woken"] = {"approval": {"comment": None, "fields": {}, "by": "test", "at": None, **approval}}
    elif update is not None:
        at = update.get("at") or datetime.now(timezone.utc)
        at = at.isoformat() if isinstance(at, datetime) else at
        document["woken"] = {"update": {"partition": None, "metadata": None, "run": None, **update, "at": at}}
    elif timed_out:
        document["woken"] = {"timeout": True}
    local = LocalHost(document, {}, variables or {}, None, resumed)
    with host.installed(local):
        yield local
