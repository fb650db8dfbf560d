"""Runs tasks while the component is built, so that attempts start warm.

Python specialises code that has run a few times, and writes to it as it does;
it makes many things at their first use. Done here once, both are part of the
snapshot. A write in an attempt copies a page of memory, so
this is most of what makes an attempt start fast. Nothing of the author runs.
"""

from __future__ import annotations

import json
import logging
import traceback
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from weft.context import Context
from weft.dags import Dag
from weft.document import Catalogue
from weft.edge import ParamEdge
from weft.guest.component import Tasks, compact
from weft.local.host import LocalHost
from weft.tasks import TaskFunction

#: Python specialises code within this many runs.
ROUNDS = 64

_ATTEMPT = {
    "tenant": "t",
    "dag": "d",
    "run": "r",
    "task": "t",
    "map_index": 0,
    "number": 1,
    "logical_date": "2026-01-01T00:00:00Z",
    "data_interval": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
    "params": {},
    "deadline": None,
    "idempotency_key": "k",
}


@dataclass
class _Row:
    name: str
    value: float
    tags: list[str]


def _plain(x):  # type: ignore[no-untyped-def]
    return {"x": x, "list": [1, 2.5, None, True, "ä"]}


def _typed(rows: list[_Row], n: int, context: Context) -> list[_Row]:
    _ = context.try_number, context.map_index, context.params, context.logical_date
    return rows[:n]


def warm() -> None:
    """Runs tasks of its own through the whole way that an attempt goes."""
    dag = Dag("warm")
    with_inputs = {
        "_plain": [("x", "1")],
        "_typed": [("rows", '[{"name": "a", "value": 1, "tags": ["b"]}]'), ("n", "1")],
    }
    for function in (_plain, _typed):
        task: TaskFunction[Any, Any] = TaskFunction(function)
        task._call(dag, {}, (), {name: ParamEdge(name) for name, _ in with_inputs[function.__name__]}, {})
    tasks = Tasks()
    tasks.catalogue = Catalogue([dag])
    tasks.host = lambda: LocalHost(_ATTEMPT, {}, {})
    for _ in range(ROUNDS):
        for name, inputs in with_inputs.items():
            tasks.run(name, inputs)
    _first_uses()


def _first_uses() -> None:
    datetime.strptime("2026-01-01", "%Y-%m-%d").replace(tzinfo=timezone.utc).isoformat()
    for encoding in ("utf-8", "latin-1", "ascii", "idna", "utf-8-sig", "utf-16"):
        "x".encode(encoding)
    json.loads(compact({"a": [1, 2.5, None, True, "ä"]}))
    try:
        raise ValueError("warm")
    except ValueError as error:
        traceback.format_exception(error)
    logging.getLogger("weft").isEnabledFor(logging.INFO)
