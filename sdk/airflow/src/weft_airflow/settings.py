"""Settings of tasks and DAGs as Weft's, and the report of those that have no counterpart."""

from __future__ import annotations

import datetime
from typing import Any

from weft_airflow import recorder, values
from weft_airflow.assets import by_assets, condition_of, outlets_of
from weft_airflow.literal import NotLiteral, literal
from weft_airflow.model import Dag, Task
from weft_airflow.report import Report

#: Trigger rules of Airflow's that Weft has under another name.
_RULES = {"none_failed_or_skipped": "none_failed_min_one_success", "dummy": "always", "all_done_setup_success": "all_done"}

_RULE_NAMES = {
    "all_success", "all_failed", "all_done", "all_done_min_one_success", "all_skipped", "one_failed", "one_success",
    "one_done", "none_failed", "none_failed_min_one_success", "none_skipped", "always",
}  # fmt: skip

#: Arguments of tasks without a counterpart, and what to do.
_NO_TASK = {
    "on_failure_callback": "on_failure_callback: add a task after it with trigger_rule='one_failed', or notify of failures of the DAG",
    "on_success_callback": "on_success_callback: call it at the end of the task, or add a task after it",
    "on_retry_callback": "on_retry_callback: catch the exception in the task, act, and raise it again",
    "on_execute_callback": "on_execute_callback: call it at the start of the task",
    "on_skipped_callback": "on_skipped_callback: add a task after it with trigger_rule='all_skipped'",
    "pre_execute": "pre_execute: call it at the start of the task",
    "post_execute": "post_execute: call it at the end of the task",
    "retry_policy": "retry_policy: raise Fail for a failure that is not to be tried again, Retry(after=...) for one that is later",
    "sla": "sla: it became a deadline, which counts from the date of a scheduled run (the end of its data interval) and from the creation of another; be notified of a miss with `wfctl notifications add --on deadline`",
    "wait_for_past_depends_before_skipping": "wait_for_past_depends_before_skipping: a task that is skipped does not wait for the run before",
    "max_active_tis_per_dag": "max_active_tis_per_dag: limit it with a pool",
    "task_concurrency": "task_concurrency: limit it with a pool",
    "inlets": "inlets: what a task reads ({}) is not recorded; a run that assets created has their updates in the parameter assets",
}

#: What says that other runs decide when a task runs, or whether it does.
OTHER_RUNS = ("depends_on_past", "wait_for_downstream", "latest_only")

#: Arguments of DAGs without a counterpart.
_NO_DAG = {
    "on_failure_callback": "on_failure_callback: notify of failures of the DAG",
    "on_success_callback": "on_success_callback: notify of successes of the DAG",
    "sla_miss_callback": "sla_miss_callback: be notified of missed deadlines with `wfctl notifications add --on deadline`",
    "max_consecutive_failed_dag_runs": "max_consecutive_failed_dag_runs: pause the DAG by hand (wfctl dags pause)",
    "user_defined_macros": "user_defined_macros: write the values into the templates, or call the functions in the task",
    "user_defined_filters": "user_defined_filters: write the values into the templates, or call the functions in the task",
}


def duration(value: Any) -> Any:
    """A span as text ("5m"), or a number of seconds."""
    seconds = value.total_seconds() if isinstance(value, datetime.timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    for unit, name in ((3600, "h"), (60, "m"), (1, "s")):
        if seconds and seconds % unit == 0:
            return f"{int(seconds // unit)}{name}"
    return seconds


def rule_of(task: Task) -> str:
    """The trigger rule of a task, by Weft's name."""
    given = task.settings.get("trigger_rule") or "all_success"
    name = str(getattr(given, "value", given)).rpartition(".")[2].lower()
    return _RULES.get(name, name)


def setups_of(task: Task) -> list[Task]:
    """The setups of a teardown, as Airflow sees them: those right before it."""
    return [one for one in task.upstream_list if one.is_setup]


def of_task(task: Task, report: Report) -> dict[str, Any]:
    """The settings of a task by Weft's names."""
    given, found = task.settings, {}
    file, line = task.where

    def add(name: str, value: Any) -> None:
        if recorder.is_unknown(value):
            report.add(file, line, f"task {task.task_id}: {name} can't be known here: {value}")
        elif value is not None:
            found[name] = value

    add("retries", _whole(given.get("retries")) or None)
    add("retry_delay", duration(given["retry_delay"]) if given.get("retry_delay") is not None and found.get("retries") else None)
    backoff = given.get("retry_exponential_backoff")
    add("retry_backoff", (2.0 if backoff is True else float(backoff)) if isinstance(backoff, (bool, int, float)) and backoff and found.get("retries") else None)
    add("retry_max_delay", duration(given["max_retry_delay"]) if given.get("max_retry_delay") is not None and found.get("retries") else None)
    add("timeout", duration(given["execution_timeout"]) if given.get("execution_timeout") is not None else None)
    sla = given.get("sla")
    add("deadline", duration(sla) if _is_span(sla) else sla if recorder.is_unknown(sla) else None)
    for name in ("depends_on_past", "wait_for_downstream"):
        asked = given.get(name)
        add(name, asked if recorder.is_unknown(asked) else bool(asked) or None)
    rule = rule_of(task)
    if rule not in _RULE_NAMES:
        report.add(file, line, f"task {task.task_id}: there is no trigger rule {rule!r}")
    elif rule != "all_success" and not task.is_teardown:
        found["trigger_rule"] = rule
    for name, weft in (("pool", "pool"), ("pool_slots", "pool_slots"), ("queue", "queue"), ("max_active_tis_per_dagrun", "max_active")):
        value = given.get(name)
        if value not in (None, "default", "default_pool") and not (name == "pool_slots" and value == 1):
            add(weft, value)
    weight = given.get("priority_weight")
    add("priority", weight if recorder.is_unknown(weight) or _has_weight(task) else None)
    add("outlets", outlets_of(task, report) or None)
    described = given.get("doc_md") or given.get("doc")
    if isinstance(described, str) and described.strip():
        function = given.get("python_callable")
        if described.strip() != (getattr(function, "__doc__", None) or "").strip():
            add("description", described.strip())
    _report_task(task, report)
    return found


def _report_task(task: Task, report: Report) -> None:
    file, line = task.where
    for name, words in _NO_TASK.items():
        value = task.settings.get(name)
        if value in (None, False, [], ()) or name == "pre_execute" and task.settings.get("_conditions"):
            continue
        if task.dag is not None and name not in task.__dict__.get("arguments", {}) and task.dag.default_args.get(name) is value:
            report.add(*task.dag.where, f"DAG {task.dag_id}: default_args: {words.format('')}")
            continue
        shown = ", ".join(values.names_of(value)) if name == "inlets" else ""
        report.add(file, line, f"task {task.task_id}: {words.format(shown)}")
    rule = _weight_rule(task)
    if rule not in ("downstream", "absolute"):
        reason = "'upstream' has no counterpart" if rule == "upstream" else "a strategy of your own is not called"
        report.add(file, line, f"task {task.task_id}: weight_rule: {reason}: the task has the priority that it is given")


def _has_weight(task: Task) -> bool:
    """Whether a task has another weight than Airflow's default."""
    weight = task.settings.get("priority_weight")
    return isinstance(weight, int) and weight != 1


def _weight_rule(task: Task) -> str:
    """Airflow's rule of a task's weight, by name; that of a strategy of the author's is its text."""
    given = task.settings.get("weight_rule") or "downstream"
    return str(getattr(given, "value", given))


def priority_rule_of(dag: Dag, report: Report) -> str | None:
    """The rule of a DAG's priorities: inherited where a task has a weight that counts for those upstream of it."""
    weighted = [task for task in dag.tasks if _has_weight(task)]
    if not any(_weight_rule(task) == "downstream" for task in weighted):
        return None
    if any(_weight_rule(task) != "downstream" for task in weighted):
        report.add(*dag.where, f"DAG {dag.dag_id}: weight_rule: its tasks have several, and a DAG has one priority_rule: it became inherited for all of them")
    return "inherited"


def _is_span(value: Any) -> bool:
    return isinstance(value, datetime.timedelta) and value > datetime.timedelta()


#: References of deadlines, and how what they count from differs from what Weft's do: from the date of a run that its
#: schedule made, and from the creation of another.
_REFERENCES = {
    "DAGRUN_LOGICAL_DATE": "",
    "DAGRUN_QUEUED_AT": "deadline: Airflow's counts from when a run is queued, Weft's from the date of a scheduled run, also of one that is made up for later",
}
#: References that have no counterpart.
_NO_REFERENCE = {
    "FIXED_DATETIME": "a deadline is a span since the run was due, and no point in time",
    "AVERAGE_RUNTIME": "a deadline is a span that is known before the run, and does not follow the runs before",
}
#: Timetables whose runs Airflow names after the start of their data interval.
_BY_START = ("CronDataIntervalTimetable", "DeltaDataIntervalTimetable")


def deadline_of(dag: Dag, report: Report) -> Any:
    """The deadline of a DAG's runs: the first of those that it is given."""
    given = dag.given.get("deadline")
    several = list(given) if isinstance(given, (list, tuple)) else [] if given is None else [given]

    def hand(reason: str) -> None:
        report.add(*dag.where, f"DAG {dag.dag_id}: {reason}")

    found: dict[datetime.timedelta, str] = {}
    for alert in several:
        reference = _reference_of(alert)
        span = getattr(alert, "interval", None)
        if not isinstance(alert, values.DeadlineAlert):
            hand(f"deadline: {str(alert)[:80]} can't be known here: set deadline to a span since the run was due")
        elif reference not in _REFERENCES:
            reason = _NO_REFERENCE.get(reference, f"its reference {reference} is computed by code of its own; a deadline is a span since the run was due")
            hand(f"deadline: {reason}: set deadline to such a span, or leave it out")
        elif not _is_span(span):
            hand(f"deadline: its interval {str(span)[:80]} is no span after the run was due: set deadline to one")
        else:
            found.setdefault(span, reference)
    if not found:
        return None
    span = min(found)
    if len(found) > 1:
        hand(f"deadline: a DAG has one: of {len(found)}, the first one is kept")
    hand("deadline: its callback is not called: be notified of a miss with `wfctl notifications add --on deadline`")
    if _REFERENCES[found[span]]:
        hand(_REFERENCES[found[span]])
    elif _timetable_name(dag.schedule) in _BY_START:
        hand("deadline: Airflow's counts from the start of the data interval, Weft's from its end: take the length of the interval off")
    return duration(span)


def _reference_of(alert: Any) -> str:
    reference = getattr(alert, "reference", None)
    path = recorder.path_of(reference) if type(reference) is recorder.Recorder else type(reference).__name__
    return path.rpartition("DeadlineReference.")[2].removesuffix("()")


def _timetable_name(schedule: Any) -> str:
    inner = schedule.given.get("timetable") if isinstance(schedule, values.Timetable) else None
    return type(inner if inner is not None else schedule).__name__


def _whole(value: Any) -> Any:
    return value if not isinstance(value, str) else int(value) if value.isdigit() else None


#: The most schedules of one DAG, dates included.
_MAX_SCHEDULES = 1000
#: How many of several schedules the report shows.
_SHOWN = 3


def schedule_of(dag: Dag, report: Report | None) -> tuple[str | list[str] | None, str | None]:
    """The schedule of a DAG, and the zone that its timetable names."""
    file, line = dag.where

    def hand(reason: str) -> None:
        if report is not None:
            report.add(file, line, f"DAG {dag.dag_id}: {reason}")

    schedule = dag.schedule
    if schedule is None or type(schedule).__name__ in ("NullTimetable",):
        return None, None
    if isinstance(schedule, str):
        return (None, None) if schedule in ("None", "") else (schedule, None)
    if isinstance(schedule, datetime.timedelta):
        return _every(schedule), None
    if isinstance(schedule, values.Timetable):
        return _timetable(schedule, hand)
    if by_assets(schedule) is None:
        hand(f"its schedule can't be known here: {schedule!r}"[:200])
    return None, None


def _timetable(timetable: values.Timetable, hand: Any) -> tuple[str | list[str] | None, str | None]:
    kind = type(timetable).__name__
    zone = timetable.given.get("timezone")
    zone = getattr(zone, "name", zone)
    zone = zone if isinstance(zone, str) else None
    if kind in ("CronDataIntervalTimetable", "CronTriggerTimetable"):
        cron = timetable.argument(0, "cron")
        if isinstance(cron, str):
            return cron, zone
    elif kind == "MultipleCronTriggerTimetable":
        crons = list(timetable.args)
        if crons and all(isinstance(cron, str) for cron in crons):
            return (crons if len(crons) > 1 else crons[0]), zone
    elif kind == "EventsTimetable":
        return _events(timetable, hand)
    elif kind in ("DeltaDataIntervalTimetable", "DeltaTriggerTimetable"):
        delta = timetable.argument(0, "delta")
        if isinstance(delta, datetime.timedelta):
            return _every(delta), None
    elif kind == "ContinuousTimetable":
        return "@continuous", None
    elif kind == "OnceTimetable":
        return "@once", None
    elif kind in ("AssetOrTimeSchedule", "DatasetOrTimeSchedule"):
        inner = timetable.given.get("timetable")
        return _timetable(inner, hand) if isinstance(inner, values.Timetable) else (None, None)
    elif by_assets(timetable) is not None:
        return None, None
    hand(f"its timetable {kind} has no counterpart: write a schedule as cron or an interval, or trigger it from outside")
    return None, None


def _events(timetable: values.Timetable, hand: Any) -> tuple[list[str] | None, str | None]:
    """The dates of an `EventsTimetable`, without an offset where they are all of one zone, which is returned too."""
    given = timetable.argument(0, "event_dates")
    dates = list(given) if isinstance(given, (list, tuple, set, frozenset)) else []
    if not dates or not all(isinstance(date, datetime.datetime) for date in dates):
        hand("the event_dates of its EventsTimetable can't be known here: write them into its schedule, as a list of dates")
        return None, None
    if timetable.argument(1, "restrict_to_events", False):
        hand("restrict_to_events: a run by hand has the date of its creation, not that of the latest event")
    # A date without a zone is taken to be in UTC, Airflow's default.
    dates = sorted(date if date.tzinfo is not None else date.replace(tzinfo=datetime.timezone.utc) for date in dates)
    dates = list(dict.fromkeys(dates))
    if len(dates) > _MAX_SCHEDULES:
        hand(f"a DAG has at most {_MAX_SCHEDULES} dates, and its EventsTimetable has {len(dates)}: the first ones are kept")
        dates = dates[:_MAX_SCHEDULES]
    zones = {_zone_of(date) for date in dates}
    zone = zones.pop() if len(zones) == 1 else None
    return [date.replace(tzinfo=None).isoformat() if zone else date.isoformat() for date in dates], zone


def _every(span: datetime.timedelta) -> str:
    text = duration(span)
    return f"every {text}" if isinstance(text, str) else f"every {text:g}s"


def describe_schedule(dag: Dag) -> str | None:
    """The schedule as the report shows it."""
    schedule = dag.schedule
    found, _zone = schedule_of(dag, None)
    if isinstance(found, list):
        more = [f"{len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        found = "; ".join(found[:_SHOWN] + more)
    assets = by_assets(schedule)
    if assets is not None:
        names = "assets: " + ", ".join(values.names_of(assets))
        return names if found is None else f"{found}, {names}"
    if found is not None or schedule is None:
        return found
    return type(schedule).__name__


#: The owner that Airflow gives to tasks without one.
_DEFAULT_OWNER = "airflow"


def owners_of(dag: Dag, report: Report) -> list[str]:
    """The owners of a DAG's tasks, in the order of the tasks. Airflow has several of them in one text, with commas."""
    found: dict[str, None] = {}
    for task in dag.tasks:
        given = task.settings.get("owner")
        if recorder.is_unknown(given):
            report.add(*dag.where, f"DAG {dag.dag_id}: owner can't be known here: {given}")
        elif isinstance(given, str):
            found.update(dict.fromkeys(name.strip() for name in given.split(",")))
    return [name for name in found if name and name != _DEFAULT_OWNER]


def of_dag(dag: Dag, report: Report, airflow_2: bool) -> dict[str, str]:
    """The arguments of a DAG, as expressions."""
    found: dict[str, str] = {}
    schedule, zone = schedule_of(dag, report)
    described = dag.description or dag.given.get("doc_md") or dag.__dict__.get("doc_md")
    if isinstance(described, str) and described.strip():
        found["description"] = literal(described.strip())
    if schedule is not None:
        found["schedule"] = literal(schedule)
    on_assets = condition_of(dag, report)
    if on_assets is not None:
        found["on_assets"] = literal(on_assets)
    start = dag.given.get("start_date") or dag.default_args.get("start_date")
    end = dag.given.get("end_date") or dag.default_args.get("end_date")
    zone_of_start = _zone_of(start)
    if zone in ("UTC", "Etc/UTC"):
        # It need not be named, unless a start in another zone would be taken for the schedule's.
        zone = "UTC" if zone_of_start else None
    else:
        zone = zone or zone_of_start
    if zone:
        found["timezone"] = literal(zone)
    for name, moment in (("start", start), ("end", end)):
        if isinstance(moment, (str, datetime.date)):
            found[name] = literal(_point(moment, zone))
    if schedule is not None:
        catchup = dag.given.get("catchup", airflow_2)
        found["catchup"] = repr(bool(catchup))
    tags = dag.given.get("tags")
    if isinstance(tags, (list, tuple, set, frozenset)) and tags:
        found["tags"] = literal(sorted(map(str, tags)) if isinstance(tags, (set, frozenset)) else [str(tag) for tag in tags])
    owners = owners_of(dag, report)
    if owners:
        found["owners"] = literal(owners)
    for name, weft in (("max_active_runs", "max_active_runs"), ("max_active_tasks", "max_active_tasks"), ("concurrency", "max_active_tasks")):
        if isinstance(dag.given.get(name), int) and dag.given[name] > 0:
            found[weft] = repr(dag.given[name])
    timeout = dag.given.get("dagrun_timeout")
    if timeout is not None and duration(timeout):
        found["timeout"] = repr(duration(timeout))
    deadline = deadline_of(dag, report)
    if deadline is not None:
        found["deadline"] = literal(deadline)
    rule = priority_rule_of(dag, report)
    if rule is not None:
        found["priority_rule"] = literal(rule)
    file, line = dag.where
    for name, words in _NO_DAG.items():
        value = dag.given.get(name) or (dag.default_args.get(name) if name == "sla_miss_callback" else None)
        if value:
            report.add(file, line, f"DAG {dag.dag_id}: {words}")
    return found


def _zone_of(moment: Any) -> str | None:
    zone = getattr(moment, "tzinfo", None)
    name = getattr(zone, "key", None) or getattr(zone, "name", None)
    return name if isinstance(name, str) and name not in ("UTC", "Etc/UTC") else None


def _point(moment: Any, zone: str | None) -> str:
    if isinstance(moment, datetime.datetime):
        if _zone_of(moment) == zone or moment.tzinfo is None or not moment.utcoffset():
            moment = moment.replace(tzinfo=None)
            return moment.date().isoformat() if moment.time() == datetime.time() else moment.isoformat()
        return moment.isoformat()
    return moment.isoformat() if isinstance(moment, datetime.date) else str(moment)


#: What Weft keeps of a parameter's schema: the keywords of JSON Schema.
_SCHEMA = {
    "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
    "maxLength", "pattern", "format", "items", "minItems", "maxItems", "uniqueItems", "properties", "required",
    "additionalProperties", "anyOf", "allOf", "oneOf", "not",
}  # fmt: skip


def params_of(dag: Dag, report: Report) -> dict[str, str]:
    """The parameters of a DAG, as expressions."""
    found = {}
    for name, given in dag.params.items():
        param = given if isinstance(given, values.Param) else values.Param(given)
        try:
            parts = [literal(_plain(param.default))] if param.has_default else []
            described = param.description or param.schema.get("description_md")
            if described:
                parts.append(f"description={literal(described)}")
            parts += [f"{key}={literal(_plain(value))}" for key, value in param.schema.items() if key in _SCHEMA and not (key == "format" and value == "multiline")]
        except NotLiteral as error:
            report.add(*dag.where, f"DAG {dag.dag_id}: the default of parameter {name} can't be known here: {error}")
            parts = []
        found[name] = f"Param({', '.join(parts)})"
    return found


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return value
