"""The settings of tasks and DAGs: Weft's names, and Airflow's for the same.

An argument of Airflow's that changes nothing about what a DAG computes is
taken and left out; one that would change it and has no counterpart is an
error that says what to do instead. So is any name that neither knows.
"""

from __future__ import annotations

import difflib
import enum
import re
from datetime import date, datetime, time, timedelta
from typing import Any, Callable

from weft import asset
from weft.duration import duration
from weft.rate_limit import RateLimit


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


def point(value: Any) -> str:
    """A date, a point in time, or text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


_SEVERAL = (list, tuple, set, frozenset)
#: The start of a date, which no cron expression has.
_DATE = re.compile(r"\d{4}-")
#: A preset, an interval or cron, as far as it differs from the name of an asset.
_TIME = re.compile(r"@|every |(\S+\s+){4}\S")
_BY_ASSETS = "assets create runs with on_assets=['orders'], with or without a schedule"


def schedule(value: Any) -> str | list[str]:
    """One schedule, or a list of them. A single one is text, unless it is a date."""
    if not isinstance(value, _SEVERAL):
        text = _schedule(value)
        return [text] if _DATE.match(text.strip()) else text
    texts = [_schedule(item) for item in value]
    for text in texts:
        if not _DATE.match(text.strip()) and not _TIME.match(text.strip()):
            raise TypeError(f"{text!r} is no schedule; {_BY_ASSETS}")
    if not texts:
        raise TypeError("a list of schedules has at least one")
    if len(texts) == 1 and not _DATE.match(texts[0].strip()):
        return texts[0]
    return sorted(texts) if isinstance(value, (set, frozenset)) else texts


def _schedule(value: Any) -> str:
    """Cron, a preset, "every 15m", a `timedelta`, or a date."""
    if isinstance(value, date):
        return point(value)
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        for unit, name in ((3600, "h"), (60, "m")):
            if seconds % unit == 0:
                return f"every {int(seconds // unit)}{name}"
        return f"every {seconds:g}s"
    if isinstance(value, (*_SEVERAL, dict)):
        raise TypeError(f"a schedule is a time; {_BY_ASSETS}")
    if not isinstance(value, str):
        raise TypeError(f"a schedule is cron, a preset, 'every 15m', a timedelta or a date, not {value!r}; {_BY_ASSETS}")
    return value


def _holidays(value: Any) -> list[str]:
    """Days: dates, or text such as "2026-12-25", or "12-25" of each year."""
    if isinstance(value, (str, date)):
        value = [value]
    days = [_day(item) for item in value]
    return sorted(days) if isinstance(value, (set, frozenset)) else days


def _day(value: Any) -> str:
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    text = value.isoformat() if isinstance(value, date) else value
    if not isinstance(text, str) or not re.fullmatch(r"(\d{4}-)?\d\d-\d\d", text):
        raise TypeError(f"a holiday is a date, '2026-12-25', or '12-25' of each year, not {value!r}")
    return text


def _same(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


def _backoff(value: Any) -> float | None:
    """Airflow's `retry_exponential_backoff` is a switch, or the factor."""
    if value is True:
        return 2.0
    return float(value) if value else None


def _codes(value: Any) -> list[str]:
    if not isinstance(value, (str, list, tuple, set, frozenset)):
        raise TypeError(f"the failures to retry are a list of codes such as ['timeout'], not {value!r}")
    return [value] if isinstance(value, str) else sorted(value) if isinstance(value, (set, frozenset)) else list(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected True or False, got {value!r}")
    return value


def _missed(value: Any) -> str:
    if value not in ("notify", "stop"):
        raise TypeError(f"a missed deadline can 'notify' or 'stop', not {value!r}")
    return str(value)


def _names(value: Any) -> list[str]:
    """Names of people or teams."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, _SEVERAL) or not all(isinstance(name, str) and name.strip() for name in given):
        raise TypeError(f"owners are a list of names such as ['team-a'], not {value!r}")
    return sorted(given) if isinstance(given, (set, frozenset)) else list(given)


def _priority(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise TypeError(f"a priority is a whole number of at most 32 bits, not {value!r}")
    return value


def _priority_rule(value: Any) -> str:
    if value not in ("absolute", "inherited"):
        raise TypeError(f"a priority rule is 'absolute' or 'inherited', not {value!r}")
    return str(value)


def _key(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError(f"a key is a text such as '{{{{ params.customer }}}}', not {value!r}")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise TypeError(f"expected a whole number from 1, got {value!r}")
    return value


def _rate_limit(value: Any) -> dict[str, Any]:
    if not isinstance(value, RateLimit):
        raise TypeError(f"a rate limit is RateLimit(100, per='1m'), not {value!r}")
    return value.document()


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
    "retry_on": ("retry_on", _codes),
    "retry_delay": ("retry_delay", duration),
    "retry_backoff": ("retry_backoff", _same),
    "retry_max_delay": ("retry_max_delay", duration),
    "retry_jitter": ("retry_jitter", _same),
    "timeout": ("timeout", duration),
    "deadline": ("deadline", duration),
    "on_missed_deadline": ("on_missed_deadline", _missed),
    "depends_on_past": ("depends_on_past", _flag),
    "wait_for_downstream": ("wait_for_downstream", _flag),
    "latest_only": ("latest_only", _flag),
    "deterministic": ("deterministic", _same),
    "grants": ("grants", _grants),
    "limits": ("limits", _limits),
    "queue": ("queue", _same),
    "pool": ("pool", _same),
    "pool_slots": ("pool_slots", _same),
    "priority": ("priority", _priority),
    "outlets": ("outlets", asset.outlets),
    # Airflow's names.
    "doc_md": ("description", _same),
    "doc": ("description", _same),
    "execution_timeout": ("timeout", duration),
    "max_active_tis_per_dagrun": ("max_active", _same),
    "max_retry_delay": ("retry_max_delay", duration),
    "priority_weight": ("priority", _priority),
    "retry_exponential_backoff": ("retry_backoff", _backoff),
    "sla": ("deadline", duration),
}

#: Fields by which other runs of the DAG decide when a task runs, or whether it does. What is `False` is left out.
OTHER_RUNS = ("depends_on_past", "wait_for_downstream", "latest_only")

DAG: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "description": ("description", _same),
    "owners": ("owners", _names),
    "tags": ("tags", lambda value: sorted(value) if isinstance(value, (set, frozenset)) else list(value)),
    "schedule": ("schedule", schedule),
    "holidays": ("holidays", _holidays),
    "on_assets": ("on_assets", asset.condition),
    "timezone": ("timezone", str),
    "start": ("start", point),
    "end": ("end", point),
    "catchup": ("catchup", _same),
    "max_active_runs": ("max_active_runs", _same),
    "max_active_tasks": ("max_active_tasks", _same),
    "concurrency_key": ("concurrency_key", _key),
    "max_active_runs_per_key": ("max_active_runs_per_key", _count),
    "rate_limit": ("rate_limit", _rate_limit),
    "timeout": ("timeout", duration),
    "deadline": ("deadline", duration),
    "on_missed_deadline": ("on_missed_deadline", _missed),
    "priority": ("priority", _priority),
    "priority_rule": ("priority_rule", _priority_rule),
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
    "inlets": "a run that assets created has their updates in its DAG's parameter 'assets'",
    "max_active_tis_per_dag": "limit it with a pool: pool='name'",
    "max_consecutive_failed_dag_runs": "pause the DAG by hand: wfctl dags pause",
    "on_execute_callback": "call the function at the start of the task",
    "on_failure_callback": "add a task with trigger_rule='one_failed'",
    "on_retry_callback": "catch the exception in the task, act, and raise it again",
    "on_skipped_callback": "add a task with trigger_rule='all_skipped'",
    "on_success_callback": "add a task after it",
    "sla_miss_callback": "be notified of missed deadlines: wfctl notifications add --on deadline",
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
