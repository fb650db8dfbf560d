"""Assets: the outlets of tasks, and the conditions of DAGs that run when assets are updated."""

from __future__ import annotations

import re
from typing import Any

from weft_airflow import recorder, values
from weft_airflow.model import Dag, Task
from weft_airflow.report import Report

#: The timetables that run by time and by assets.
_OR_TIME = ("AssetOrTimeSchedule", "DatasetOrTimeSchedule")


def asset_name(name: str) -> str:
    """A name of an asset of Weft's. `airflow_support` has the same."""
    found = re.sub(r"[^A-Za-z0-9_./:@+=%~-]", "_", name)[:250]
    return found if re.match(r"[A-Za-z0-9_]", found) else f"_{found}"[:250]


def outlets_of(task: Task, report: Report) -> list[str]:
    """The names of the assets that a task updates."""
    given = task.settings.get("outlets")
    several = given if isinstance(given, (list, tuple, set)) else [] if given is None else [given]
    names = (_named(one, report, task.where, f"task {task.task_id}: outlets") for one in several)
    return list(dict.fromkeys(name for name in names if name is not None))


def by_assets(schedule: Any) -> Any:
    """The part of a schedule that assets decide, or None."""
    if isinstance(schedule, values.Timetable):
        if type(schedule).__name__ in (*_OR_TIME, "PartitionedAssetTimetable"):
            return schedule.given.get("assets", schedule.given.get("datasets"))
        return None
    if isinstance(schedule, values._Combined):
        return schedule
    has_assets = isinstance(schedule, (list, tuple, set)) and any(isinstance(one, values._Combined) for one in schedule)
    return schedule if has_assets else None


def condition_of(dag: Dag, report: Report) -> Any:
    """When assets create runs of a DAG, as the document has it; None where they do not."""
    given = by_assets(dag.schedule)
    if given is None:
        return None
    if type(dag.schedule).__name__ == "PartitionedAssetTimetable":
        report.add(*dag.where, f"DAG {dag.dag_id}: one run has the updates of all partitions: read them in the parameter assets")
    return _condition(given, dag, report)


def _condition(given: Any, dag: Dag, report: Report) -> Any:
    if isinstance(given, values.Asset) or not isinstance(given, (values._Combined, list, tuple, set)):
        return _named(given, report, dag.where, f"DAG {dag.dag_id}: schedule")
    kind = "any" if isinstance(given, values.AssetAny) else "all"
    whole = sorted(given, key=str) if isinstance(given, set) else getattr(given, "objects", given)
    parts: list[Any] = []
    for one in whole:
        part = _condition(one, dag, report)
        if isinstance(part, list) and kind == "all":
            # `a & b & c` is one list.
            parts.extend(part)
        elif isinstance(part, dict) and kind in part:
            parts.extend(part[kind])
        elif part is not None:
            parts.append(part)
    parts = [part for at, part in enumerate(parts) if part not in parts[:at]]
    if not parts:
        return None
    return {"any": parts} if kind == "any" else parts


def _named(one: Any, report: Report, where: tuple[str, int], what: str) -> str | None:
    if not isinstance(one, values.Asset):
        shown = str(one) if recorder.is_unknown(one) else repr(one)
        report.add(*where, f"{what}: {shown[:80]} is no asset that can be known here")
        return None
    name = asset_name(one.name)
    if isinstance(one, values.AssetAlias):
        report.add(*where, f"{what}: the alias {one.name} names assets when a task runs: it became the asset {name}, which each success updates")
    elif name != one.name:
        report.add(*where, f"{what}: the name {one.name!r} is not one of an asset in Weft: it became {name!r}")
    return name
