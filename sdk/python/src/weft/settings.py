"""The settings of tasks and DAGs: Weft's names, and Airflow's for the same.

An argument of Airflow's that changes nothing about what a DAG computes is
taken and left out; one that would change it and has no counterpart is an
error that says what to do instead. So is any name that neither knows.
"""

from __future__ import annotations

import difflib
import enum
from datetime import date, datetime, timedelta
from typing import Any, Callable


class TriggerRule(str, enum.Enum):
    """How the upstreams of a task must have ended."""

    ALL_SUCCESS = "all_success"
    ALL_FAILED = "all_failed"
    ALL_DONE = "all_done"
    ALL_DONE_MIN_ONE_SUCCESS = "all_done_min_one_success"
    ALL_SKIPPED = "all_skipped"
    ONE_FAILED = "one_failed"
    ONE_SUCCESS = "one_success"
    ONE_DONE = "one_done"
    NONE_FAILED = "none_failed"
    NONE_FAILED_MIN_ONE_SUCCESS = "none_failed_min_one_success"
    NONE_SKIPPED = "none_skipped"
    ALWAYS = "always"


def duration(value: Any) -> Any:
    """A `timedelta`, a number of seconds, or text such as `"5m"`."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(f"expected a timedelta, a number of seconds or text such as '5m', got {value!r}")
    return value


def point(value: Any) -> str:
    """A date, a point in time, or text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def schedule(value: Any) -> str:
    """Cron, a preset, "every 15m", or a `timedelta`."""
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        for unit, name in ((3600, "h"), (60, "m")):
            if seconds % unit == 0:
                return f"every {int(seconds // unit)}{name}"
        return f"every {seconds:g}s"
    if not isinstance(value, str):
        raise TypeError(f"a schedule is cron, a preset, 'every 15m' or a timedelta, not {value!r}")
    return value


def _same(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


def _backoff(value: Any) -> float | None:
    """Airflow's `retry_exponential_backoff` is a switch, or the factor."""
    if value is True:
        return 2.0
    return float(value) if value else None


def _grants(value: Any) -> Any:
    if not isinstance(value, dict):
        raise TypeError(f"grants are a dict such as {{'http': ['api.example.org']}}, not {value!r}")
    return {key: [names] if isinstance(names, str) else list(names) for key, names in value.items()}


def _limits(value: Any) -> Any:
    if not isinstance(value, dict):
        raise TypeError(f"limits are a dict such as {{'memory': '256MiB'}}, not {value!r}")
    return {key: duration(item) if key == "cpu" else item for key, item in value.items()}


#: By argument: the document's field, and how the value gets there.
TASK: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "description": ("description", _same),
    "max_active": ("max_active", _same),
    "trigger_rule": ("trigger_rule", _same),
    "retries": ("retries", _same),
    "retry_delay": ("retry_delay", duration),
    "retry_backoff": ("retry_backoff", _same),
    "retry_max_delay": ("retry_max_delay", duration),
    "retry_jitter": ("retry_jitter", _same),
    "timeout": ("timeout", duration),
    "deterministic": ("deterministic", _same),
    "grants": ("grants", _grants),
    "limits": ("limits", _limits),
    "queue": ("queue", _same),
    "pool": ("pool", _same),
    "pool_slots": ("pool_slots", _same),
    "priority": ("priority", _same),
    # Airflow's names.
    "doc_md": ("description", _same),
    "doc": ("description", _same),
    "execution_timeout": ("timeout", duration),
    "max_active_tis_per_dagrun": ("max_active", _same),
    "max_retry_delay": ("retry_max_delay", duration),
    "priority_weight": ("priority", _same),
    "retry_exponential_backoff": ("retry_backoff", _backoff),
}

DAG: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "description": ("description", _same),
    "tags": ("tags", lambda value: sorted(value) if isinstance(value, (set, frozenset)) else list(value)),
    "schedule": ("schedule", schedule),
    "timezone": ("timezone", str),
    "start": ("start", point),
    "end": ("end", point),
    "catchup": ("catchup", _same),
    "max_active_runs": ("max_active_runs", _same),
    "max_active_tasks": ("max_active_tasks", _same),
    "timeout": ("timeout", duration),
    # Airflow's names.
    "concurrency": ("max_active_tasks", _same),
    "dagrun_timeout": ("timeout", duration),
    "doc_md": ("description", _same),
    "end_date": ("end", point),
    "schedule_interval": ("schedule", schedule),
    "start_date": ("start", point),
}

#: Airflow's arguments that change nothing about what is computed.
IGNORED = {
    "access_control",
    "auto_register",
    "dag_display_name",
    "default_view",
    "do_xcom_push",
    "email",
    "email_on_failure",
    "email_on_retry",
    "executor",
    "executor_config",
    "fileloc",
    "is_paused_upon_creation",
    "jinja_environment_kwargs",
    "map_index_template",
    "multiple_outputs",
    "orientation",
    "owner",
    "owner_links",
    "render_template_as_native_obj",
    "resources",
    "run_as_user",
    "show_return_value_in_logs",
    "task_display_name",
    "template_searchpath",
    "templates_dict",
    "ui_color",
    "ui_fgcolor",
    "user_defined_filters",
    "user_defined_macros",
    "weight_rule",
}

#: Airflow's arguments that have no counterpart, and what to do instead.
REFUSED = {
    "depends_on_past": "a run waits for the one before with @dag(max_active_runs=1)",
    "wait_for_downstream": "a run waits for the one before with @dag(max_active_runs=1)",
    "inlets": "there are no assets of Airflow's; let one DAG trigger the other",
    "max_active_tis_per_dag": "limit it with a pool: pool='name'",
    "max_consecutive_failed_dag_runs": "pause the DAG by hand: wfctl dags pause",
    "on_execute_callback": "call the function at the start of the task",
    "on_failure_callback": "add a task with trigger_rule='one_failed'",
    "on_retry_callback": "catch the exception in the task, act, and raise it again",
    "on_skipped_callback": "add a task with trigger_rule='all_skipped'",
    "on_success_callback": "add a task after it",
    "outlets": "there are no assets of Airflow's; let one DAG trigger the other",
    "sla": "set a timeout: timeout='1h'",
    "sla_miss_callback": "set a timeout: timeout='1h'",
    "start_from_trigger": "raise weft.Defer(after=...) in the task",
}

#: Refused only where they ask for something.
_HARMLESS = (None, False, [], ())


def read(given: dict[str, Any], table: dict[str, tuple[str, Callable[[Any], Any]]], what: str) -> dict[str, Any]:
    """Arguments as fields of the document; `None` is as good as nothing."""
    fields: dict[str, Any] = {}
    for name, value in given.items():
        if name in IGNORED or value is None:
            continue
        if name in REFUSED:
            if any(value is item or value == item for item in _HARMLESS):
                continue
            raise TypeError(f"{what}: {name} has no counterpart in Weft; {REFUSED[name]}")
        if name not in table:
            near = difflib.get_close_matches(name, table, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise TypeError(f"{what} has no setting {name!r}{hint}")
        field, convert = table[name]
        try:
            converted = convert(value)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{what}: {name}: {error}") from None
        if converted is not None:
            fields[field] = converted
    return fields
