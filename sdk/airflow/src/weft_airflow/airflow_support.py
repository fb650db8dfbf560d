"""What imported DAGs use of Airflow: templates, XComs, simple Bash commands, sensors and operators.

`wfctl import airflow` copies this file into projects that need it. It has no part of Airflow in it
and needs `weft` alone, and `jinja2` where a task has a template. Change it as you like.
"""

from __future__ import annotations

import asyncio
import datetime
import enum
import inspect
import json
import logging
import re
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin

from weft import AssetUpdate, Context, Defer, Fail, Skip, Variable, update
from weft.exceptions import AirflowException

log = logging.getLogger("airflow")


class AirflowNotFoundException(AirflowException): ...


class AirflowSensorTimeout(AirflowException): ...


class State(str, enum.Enum):
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    RUNNING = "running"
    UPSTREAM_FAILED = "upstream_failed"


DagRunState = TaskInstanceState = State


class WeekDay(enum.IntEnum):
    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7


class Missing:
    """Something that Weft has no counterpart of. It fails when it is used, and says what to do."""

    def __init__(self, reason: str):
        self.__dict__["_reason"] = reason

    def _fail(self, *_args: Any, **_keywords: Any) -> Any:
        raise Fail(self._reason)

    __call__ = __iter__ = __enter__ = __getitem__ = __str__ = __len__ = __bool__ = _fail

    def __exit__(self, *_error: object) -> None: ...

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Fail(self._reason)

    def __mro_entries__(self, _bases: Any) -> tuple[type, ...]:
        return (object,)


def missing(reason: str) -> Any:
    return Missing(reason)


def instance(cls: type, attributes: dict[str, Any]) -> Any:
    """An object with the attributes that it had where the DAG was made."""
    made = cls.__new__(cls)
    made.__dict__.update(attributes)
    return made


@dataclass(frozen=True)
class Asset:
    """An asset's name and address."""

    name: str = ""
    uri: str = ""
    group: str = field(default="asset", compare=False)
    extra: dict[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.uri)
        object.__setattr__(self, "uri", self.uri or self.name)


Dataset = AssetAlias = DatasetAlias = Asset


@dataclass
class Metadata:
    """What a task yields of an asset that it updated."""

    asset: Any
    extra: dict[str, Any] = field(default_factory=dict)
    alias: Any = None


class OutletEvent:
    """What a task says of one of its outlets."""

    def __init__(self) -> None:
        self.extra: dict[str, Any] = {}

    def add(self, _asset: Any, extra: dict[str, Any] | None = None) -> None:
        """Of an alias, which is an asset of its own here."""
        self.extra.update(extra or {})


class OutletEvents(dict):
    """Airflow's `outlet_events`, by the names of assets."""

    def __getitem__(self, asset: Any) -> OutletEvent:
        return self.setdefault(getattr(asset, "name", str(asset)), OutletEvent())

    def updates(self) -> list[AssetUpdate]:
        return [AssetUpdate(_asset_name(name), metadata=event.extra) for name, event in self.items() if event.extra]


def _events(assets: Any) -> list[tuple[str, list[SimpleNamespace]]]:
    """What a run was made of: the parameter `assets` of its DAG, as Airflow's events."""
    return [(name, [_event(name, one) for one in updates]) for name, updates in assets.items()] if isinstance(assets, dict) else []


def _event(name: str, update: dict[str, Any]) -> SimpleNamespace:
    at = datetime.datetime.fromisoformat(update["at"].replace("Z", "+00:00")) if "at" in update else None
    run = SimpleNamespace(run_id=update["run"]) if "run" in update else None
    return SimpleNamespace(
        asset=Asset(name), dataset=Asset(name), uri=name, extra=update.get("metadata", {}), partition_key=update.get("partition"),
        timestamp=at, source_run_id=update.get("run"), source_dag_run=run,
    )  # fmt: skip


class TriggeringEvents(dict):
    """Airflow's `triggering_asset_events`: events by asset, which is found by its name."""

    def __init__(self, assets: Any):
        super().__init__({Asset(name): events for name, events in _events(assets)})

    def __getitem__(self, asset: Any) -> list[SimpleNamespace]:
        return self.get(asset, [])

    def __contains__(self, asset: object) -> bool:
        return bool(self.get(asset))

    def get(self, asset: Any, default: Any = None) -> Any:
        name = _asset_name(getattr(asset, "name", str(asset)))
        return next((events for one, events in self.items() if one.name == name), default)


def _asset_name(name: str) -> str:
    found = re.sub(r"[^A-Za-z0-9_./:@+=%~-]", "_", name)[:250]
    return found if re.match(r"[A-Za-z0-9_]", found) else f"_{found}"[:250]


def _run_through(generator: Any, events: OutletEvents) -> Any:
    """Takes what a task yields of its outlets; returns what it returns."""
    while True:
        try:
            found = next(generator)
        except StopIteration as end:
            return end.value
        if isinstance(found, Metadata):
            events[found.alias or found.asset].extra.update(found.extra or {})
        else:
            log.warning("a task yields Metadata alone, so that this is left out: %r", found)


# XComs: outputs of other tasks, as `ti` reaches them.


class Pushed:
    """The output of a task that pushes XComs: its return value and what it pushed, by key."""

    def __init__(self, output: Any):
        self.output = output or {}


class TaskInstance:
    """What Airflow calls `ti`."""

    def __init__(self, context: Context, pulls: dict[str, Any]):
        self._context, self._pulls = context, pulls
        self.pushed: dict[str, Any] = {}
        self.task_id, self.dag_id, self.run_id = context.task_id, context.dag_id, context.run_id
        self.try_number = context.try_number
        self.map_index = -1 if context.map_index is None else context.map_index
        self.max_tries = 0
        self.start_date = datetime.datetime.now(datetime.timezone.utc)
        self.task = SimpleNamespace(task_id=context.task_id)
        self.log = log

    def xcom_push(self, key: str, value: Any, **_more: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, task_ids: Any = None, key: str = "return_value", default: Any = None, **_more: Any) -> Any:
        if task_ids is None:
            found = [self._one(name, key) for name in self._pulls]
            return next((value for value in found if value is not None), self.pushed.get(key, default))
        if isinstance(task_ids, str):
            value = self._one(task_ids, key)
            return default if value is None else value
        return [self._one(name, key) for name in task_ids]

    def _one(self, name: str, key: str) -> Any:
        if name not in self._pulls:
            raise Fail(f"xcom_pull: {self.task_id} does not get the output of {name!r}; it gets {', '.join(self._pulls) or 'none'}")
        output = self._pulls[name]
        if isinstance(output, Pushed):
            return output.output.get("return_value") if key == "return_value" else (output.output.get("xcom") or {}).get(key)
        if key == "return_value":
            return output
        if isinstance(output, list):
            return [one.get(key) for one in output if isinstance(one, dict)]
        return output.get(key) if isinstance(output, dict) else None

    def get_dagrun(self) -> Any:
        return SimpleNamespace(run_id=self.run_id, conf=self._context.params)


class Moment(datetime.datetime):
    """A point in time with the methods of pendulum's that templates and bodies use."""

    @classmethod
    def of(cls, moment: datetime.datetime) -> Moment:
        return cls(*moment.timetuple()[:6], moment.microsecond, moment.tzinfo)

    def add(self, **parts: float) -> Moment:
        return Moment.of(self + datetime.timedelta(**parts))

    def subtract(self, **parts: float) -> Moment:
        return Moment.of(self - datetime.timedelta(**parts))

    def to_date_string(self) -> str:
        return self.strftime("%Y-%m-%d")

    def to_datetime_string(self) -> str:
        return self.strftime("%Y-%m-%d %H:%M:%S")

    def to_iso8601_string(self) -> str:
        return self.isoformat()

    def format(self, form: str) -> str:
        signs = {"YYYY": "%Y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
        return self.strftime(re.sub("YYYY|MM|DD|HH|mm|ss", lambda found: signs[found.group()], form))


class _Variables:
    """`var.value.x` and `var.json.x`."""

    def __init__(self, as_json: bool):
        self._json = as_json

    def get(self, name: str, default: Any = None) -> Any:
        return Variable.get(name, default=default, deserialize_json=self._json)

    def __getattr__(self, name: str) -> Any:
        return Variable.get(name, deserialize_json=self._json)


def _ds_add(ds: str, days: int) -> str:
    return (datetime.date.fromisoformat(ds) + datetime.timedelta(days=days)).isoformat()


def _ds_format(ds: str, given: str, wanted: str) -> str:
    return datetime.datetime.strptime(ds, given).strftime(wanted)


MACROS = SimpleNamespace(
    ds_add=_ds_add, ds_format=_ds_format, datetime=datetime.datetime, timedelta=datetime.timedelta, time=time, json=json
)


class Values(dict):
    """Airflow's context: a dict."""


def values(context: Context, params: dict[str, Any] | None = None, pulls: dict[str, Any] | None = None) -> Values:
    """The context of an attempt by Airflow's names. `params` are the task's own."""
    interval, moment = context.data_interval, Moment.of(context.logical_date)
    ti = TaskInstance(context, pulls or {})
    all_params = {**(params or {}), **context.params}
    task = SimpleNamespace(task_id=context.task_id, dag_id=context.dag_id, params=all_params, render_template=lambda text, given, *_: render(text, given))
    dag_run = SimpleNamespace(
        run_id=context.run_id, dag_id=context.dag_id, conf=context.params, logical_date=moment, execution_date=moment,
        data_interval_start=Moment.of(interval.start), data_interval_end=Moment.of(interval.end), run_type="manual", external_trigger=False,
    )  # fmt: skip
    return Values(
        conn=Missing("connections are not there: name the host in grants and the secret as a variable"),
        dag=SimpleNamespace(dag_id=context.dag_id),
        dag_run=dag_run,
        data_interval_end=Moment.of(interval.end),
        data_interval_start=Moment.of(interval.start),
        ds=moment.strftime("%Y-%m-%d"),
        ds_nodash=moment.strftime("%Y%m%d"),
        execution_date=moment,
        inlets=[],
        outlets=[],
        inlet_events=Missing("there are no events of inlets: a run that assets created has their updates in the parameter assets"),
        outlet_events=OutletEvents(),
        triggering_asset_events=TriggeringEvents(context.params.get("assets")),
        triggering_dataset_events={name: events for name, events in _events(context.params.get("assets"))},
        logical_date=moment,
        macros=MACROS,
        map_index=context.map_index,
        prev_data_interval_start_success=None,
        prev_data_interval_end_success=None,
        prev_start_date_success=None,
        prev_end_date_success=None,
        reason=None,
        exception=None,
        params=all_params,
        run_id=context.run_id,
        task=task,
        task_id=context.task_id,
        dag_id=context.dag_id,
        task_instance=ti,
        task_instance_key_str=f"{context.dag_id}__{context.task_id}__{moment.strftime('%Y%m%d')}",
        templates_dict=None,
        test_mode=False,
        ti=ti,
        try_number=context.try_number,
        ts=moment.isoformat(),
        ts_nodash=moment.strftime("%Y%m%dT%H%M%S"),
        ts_nodash_with_tz=moment.strftime("%Y%m%dT%H%M%S%z"),
        var=SimpleNamespace(value=_Variables(False), json=_Variables(True)),
        weft=context,
    )


def render(value: Any, given: dict[str, Any]) -> Any:
    """A value with its templates filled in."""
    if isinstance(value, str):
        if "{{" not in value and "{%" not in value:
            return value
        from jinja2 import Environment, StrictUndefined

        environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
        environment.filters.update(
            ds=lambda moment: moment.strftime("%Y-%m-%d"),
            ds_nodash=lambda moment: moment.strftime("%Y%m%d"),
            ts=lambda moment: moment.isoformat(),
            ts_nodash=lambda moment: moment.strftime("%Y%m%dT%H%M%S"),
        )
        return environment.from_string(value).render(**given)
    if isinstance(value, (list, tuple)):
        return type(value)(render(one, given) for one in value)
    if isinstance(value, dict):
        return {key: render(one, given) for key, one in value.items()}
    return value


_current: list[Values] = []


def get_current_context() -> Values:
    """Airflow's `get_current_context`, inside of a task that `call` runs."""
    if not _current:
        raise Fail("get_current_context: no task runs")
    return _current[-1]


def each(outputs: Any, key: str) -> Any:
    """A key of an output, and of each output of a mapped task."""
    if outputs is None:
        return None
    return [one[key] for one in outputs] if isinstance(outputs, list) else outputs[key]


def call(
    function: Callable[..., Any],
    context: Context,
    args: tuple[Any, ...] = (),
    kwargs: dict[str, Any] | None = None,
    *,
    params: dict[str, Any] | None = None,
    pulls: dict[str, Any] | None = None,
    extra: dict[str, Any] | None = None,
    pushes: bool = False,
    conditions: tuple[tuple[Callable[[Any], Any], str | None, bool], ...] = (),
    groups: dict[str, list[str]] | None = None,
) -> Any:
    """Calls a function as Airflow does: templates are filled in, and it gets of the context what it names."""
    given = values(context, params, pulls)
    given.update(render(extra or {}, given))
    _check(conditions, given)
    args, kwargs = render(tuple(args), given), render(dict(kwargs or {}), given)
    _current.append(given)
    try:
        result = function(*args, **_named(function, args, kwargs, given))
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
        if inspect.isgenerator(result):
            result = _run_through(result, given["outlet_events"])
    finally:
        _current.pop()
    if groups:
        result = _in_groups(result, groups)
    return _ended(result, given, pushes)


def _ended(result: Any, given: Values, pushes: bool) -> Any:
    """What a task returns, with its XComs and what it said of its outlets."""
    output = {"return_value": result, "xcom": given["ti"].pushed} if pushes else result
    updates = given["outlet_events"].updates()
    return update(output, assets=updates) if updates else output


def _check(conditions: Any, given: Values) -> None:
    for condition, message, wanted in conditions:
        found = condition(given)
        if isinstance(found, tuple):
            found, message = found[0], found[1] or message
        if bool(found) != wanted:
            raise Skip(message or "the task was skipped by its condition")


def _named(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], given: Values) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values()):
        taken = list(parameters)[: len(args)]
        return {**{name: value for name, value in given.items() if name not in taken}, **kwargs}
    free = [name for name in list(parameters)[len(args) :] if name not in kwargs]
    found = {name: given[name] for name in free if name in given}
    if "context" in free and parameters["context"].default is inspect.Parameter.empty:
        found["context"] = given
    return {**found, **kwargs}


def _in_groups(result: Any, groups: dict[str, list[str]]) -> Any:
    """A group's id means the first tasks of the group."""
    if result is None:
        return result
    names = [result] if isinstance(result, str) else list(result)
    return [task for name in names for task in groups.get(name, [name])]


def until(context: Context, moment: datetime.datetime) -> None:
    """Waits for a point in time, without a worker."""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
    if datetime.datetime.now(datetime.timezone.utc) < moment:
        raise Defer(until=moment)


def wait_for(context: Context, span: datetime.timedelta) -> None:
    """Waits for a span that begins with the first attempt."""
    if context.resumed is None:
        raise Defer(after=span, state={"waited": True})


# Bash, as far as a task can.


class NotACommand(ValueError):
    """A command that only a shell can carry out."""


_KNOWN = {"echo", "sleep", "true", "false", ":", "exit", "date"}


def commands(text: str, env: dict[str, str] | None = None) -> list[tuple[str, list[str]]]:
    """The commands of a text, each with what comes before it: `;` or `&&`. Of variables it knows those of `env`."""
    text = re.sub(r"\\\n\s*", " ", text.strip())
    values = [str(value) for value in (env or {}).values()]
    for index, name in enumerate(env or {}):
        # Outside of single quotes; the value is put in after the text was split into words.
        pattern = rf"\$(?:\{{{re.escape(name)}\}}|{re.escape(name)}(?![A-Za-z0-9_]))"
        text = re.sub(rf"('[^']*')|{pattern}", lambda found, index=index: found[1] or f"\0{index}\0", text)
    lexer = shlex.shlex(text.replace("\n", " ; "), posix=True, punctuation_chars=";&|<>()")
    lexer.commenters = "#"
    lexer.whitespace_split = True
    if re.search(r"[`$]", re.sub(r"'[^']*'", "", text)):
        raise NotACommand("it expands variables or commands")
    found: list[tuple[str, list[str]]] = [(";", [])]
    try:
        words = list(lexer)
    except ValueError as error:
        raise NotACommand(str(error)) from None
    for word in words:
        if word and set(word) <= set(";&|<>()"):
            if word not in (";", "&&"):
                raise NotACommand(f"it has {word}")
            if found[-1][1]:
                found.append((word, []))
        else:
            found[-1][1].append(re.sub("\0(\\d+)\0", lambda match: values[int(match[1])], word))
    found = [(before, words) for before, words in found if words]
    for _before, one in found:
        if one[0] not in _KNOWN or one[0] == "date" and len(one) > 1:
            raise NotACommand(f"there is no program {one[0]}")
    return found


def bash(
    context: Context, command: Any, *, pulls: dict[str, Any] | None = None, params: dict[str, Any] | None = None,
    skip_on: Any = 99, pushes: bool = False, env: dict[str, Any] | None = None,
) -> Any:  # fmt: skip
    """Carries out simple commands; its output is the last line, as that of Airflow's operator."""
    given = values(context, params, pulls)
    text = render(command, given)
    code, last = 0, None
    try:
        parts = commands(text, render(env or {}, given))
    except NotACommand as error:
        raise Fail(f"a task can't start a shell, and {error}: {text!r}. Write it in Python") from None
    for before, (name, *words) in parts:
        if before == "&&" and code:
            continue
        match name:
            case "echo":
                last = " ".join(words[1:] if words[:1] == ["-n"] else words)
                log.info("%s", last)
            case "sleep":
                time.sleep(sum(float(word.rstrip("s")) for word in words))
                code = 0
            case "false":
                code = 1
            case "exit":
                code = int(words[0]) if words else code
                break
            case "date":
                last = datetime.datetime.now(datetime.timezone.utc).strftime("%a %b %e %H:%M:%S UTC %Y")
                log.info("%s", last)
            case _:
                code = 0
    skips = skip_on if isinstance(skip_on, (list, tuple)) else [skip_on]
    if code and code in skips:
        raise Skip(f"the command ended with {code}")
    if code:
        raise AirflowException(f"the command ended with {code}")
    return {"return_value": last, "xcom": given["ti"].pushed} if pushes else last


# Other operators.


def branch_by(choice: bool, if_true: Any, if_false: Any) -> Any:
    return if_true if choice else if_false


def between(now: datetime.datetime, lower: Any, upper: Any) -> bool:
    """Whether a point in time is between two others, of which times of the day are of the same day."""

    def whole(value: Any) -> datetime.datetime | None:
        if value is None:
            return None
        if isinstance(value, datetime.time):
            value = datetime.datetime.combine(now.date(), value)
        return value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)

    start, end = whole(lower), whole(upper)
    if isinstance(lower, datetime.time) and isinstance(upper, datetime.time) and start and end and end < start:
        end += datetime.timedelta(days=1)
    return (start is None or start <= now) and (end is None or now <= end)


def is_weekday(moment: datetime.datetime, names: Any) -> bool:
    days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    wanted = names if isinstance(names, (list, tuple, set)) else [names]
    return moment.weekday() + 1 in [days.index(str(name).lower()) + 1 if isinstance(name, str) else int(name) for name in wanted]


def trigger_dag_run(context: Context, dag_id: str, conf: dict[str, Any] | None, *, wait: bool, pulls: dict[str, Any] | None = None, params: dict[str, Any] | None = None) -> None:  # fmt: skip
    """Calls a run of another DAG, and waits for its end."""
    if context.resumed is not None:
        return
    from weft import Call  # type: ignore[attr-defined]

    given = values(context, params, pulls)
    raise Defer(call=Call(dag=render(dag_id, given), params=render(conf or {}, given)), state={"called": dag_id, "wait": wait})  # type: ignore[call-arg]


def external_task(
    context: Context, dag_id: str, logical_date: datetime.datetime, timeout: float | None, *, tasks: Any = None,
    allowed: Any = ("success",), skipped: Any = (), soft_fail: bool = False, pulls: dict[str, Any] | None = None,
    params: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Waits for the run of another DAG for a date, or for tasks of that run, one after the other.

    The run or a task that does not end as `allowed` says fails the task for good, or skips it with `soft_fail`.
    """
    dag_id, tasks = render((dag_id, tasks), values(context, params, pulls))
    names = [tasks] if tasks is None or isinstance(tasks, str) else list(tasks)
    state = context.resumed or {"ended": 0, "began": time.time()}
    ended, woken = state["ended"], context.woken
    # A task that a person resumed looks again.
    if woken is not None and not woken.by_command:
        _check_end(woken, names[ended], dag_id, allowed, skipped, soft_fail)
        ended += 1
    if ended == len(names):
        return
    if timeout is not None:
        # All the waits together take no longer.
        timeout = max(timeout - (time.time() - state["began"]), 0.001)
    raise Defer(dag=dag_id, logical_date=logical_date, task=names[ended], timeout=timeout, state={**state, "ended": ended})


def _check_end(woken: Any, task: str | None, dag_id: str, allowed: Any, skipped: Any, soft_fail: bool) -> None:
    """How a run or a task of it ended, as Airflow's sensor takes it."""
    what = f"the run of DAG {dag_id}" if task is None else f"task {task} of DAG {dag_id}"
    if woken.state in allowed:
        return
    reason = f"{what} did not end in time" if woken.timed_out else f"{what} ended as {woken.state}"
    if woken.state == "missing":
        reason = f"there is no {what.removeprefix('the ')}"
    raise (Skip if soft_fail or woken.state in skipped else Fail)(reason)


def ask(
    context: Context, subject: str, options: list[str], *, body: str | None = None, default: str | None = None,
    timeout: float | None = None, approvers: list[str] | None = None, form: dict[str, Any] | None = None,
    params: dict[str, Any] | None = None, pulls: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Asks people, and returns the answer as Airflow's operators do. An option's name has no blanks."""
    from weft import Approval

    labels = {re.sub(r"[^A-Za-z0-9_.-]+", "_", label.strip()) or "_": label for label in options}
    if context.woken is None:
        given = values(context, params, pulls)
        name = next((name for name, label in labels.items() if label == default), None)
        approval = Approval(
            " ".join(str(render(subject, given)).split())[:250],
            body=render(body, given) if body else None,
            options=list(labels),
            default=name,
            form=form,
            approvers=approvers or (),
        )
        raise Defer(approval=approval, timeout=timeout)
    if context.woken.decision is None:
        raise AirflowException("no one answered in time")
    decision = context.woken.decision
    defaults = {name: schema["default"] for name, schema in (form or {}).get("properties", {}).items() if "default" in schema}
    return {
        "chosen_options": [labels[decision.option]],
        "params_input": {**defaults, **decision.fields},
        "responded_by_user": decision.by,
        "timedout": decision.by is None,
    }


def approved(answer: dict[str, Any], *, fails: bool) -> bool:
    """Whether the answer is the first option of `ApprovalOperator`."""
    is_approved = answer["chosen_options"] == ["Approve"]
    if fails and not is_approved:
        raise Fail("it was rejected")
    return is_approved


def chosen(answer: dict[str, Any], mapping: dict[str, str]) -> list[str]:
    """The tasks that an answer chooses."""
    return [mapping.get(option, option) for option in answer["chosen_options"]]


def http(
    context: Context, base: str, endpoint: str = "", method: str = "POST", data: Any = None, headers: dict[str, str] | None = None,
    *, check: Callable[[Any], bool] | None = None, select: Callable[[Any], Any] | None = None, params: dict[str, Any] | None = None,
    pulls: dict[str, Any] | None = None,
) -> Any:  # fmt: skip
    """A request; its output is the answer's text."""
    import urllib.error
    import urllib.parse
    import urllib.request

    given = values(context, params, pulls)
    endpoint, data, headers = render((endpoint, data, headers or {}), given)
    url = urljoin(base.rstrip("/") + "/", endpoint.lstrip("/")) if "://" not in endpoint else endpoint
    body = None
    if method.upper() == "GET" and isinstance(data, dict) and data:
        url += ("&" if "?" in url else "?") + urllib.parse.urlencode(data)
    elif isinstance(data, dict):
        is_json = "json" in str(headers.get("Content-Type", ""))
        body = (json.dumps(data) if is_json else urllib.parse.urlencode(data)).encode()
    elif data is not None:
        body = data.encode() if isinstance(data, str) else data
    request = urllib.request.Request(url, body, headers, method=method.upper())
    try:
        with urllib.request.urlopen(request) as answer:
            text, status = answer.read().decode(), answer.status
    except urllib.error.HTTPError as error:
        raise AirflowException(f"{url} answered {error.code} {error.reason}") from None
    response = SimpleNamespace(text=text, status_code=status, json=lambda: json.loads(text), ok=True, content=text.encode())
    if check is not None and not check(response):
        raise AirflowException(f"the check of the answer of {url} failed")
    return select(response) if select is not None else text


class BaseOperator:
    """What operators of your own derive from."""

    template_fields: tuple[str, ...] = ()

    def __init__(self, task_id: str = "", **settings: Any):
        self.task_id, self.params = task_id, settings.get("params") or {}
        self.__dict__.update({name: value for name, value in settings.items() if not hasattr(self, name)})

    @property
    def log(self) -> logging.Logger:
        return logging.getLogger(type(self).__name__)

    def execute(self, context: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no execute")


class BaseSensorOperator(BaseOperator):
    """What sensors of your own derive from."""

    def poke(self, context: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no poke")


class BaseBranchOperator(BaseOperator):
    """What branching operators of your own derive from."""

    def choose_branch(self, context: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no choose_branch")


def operator(
    make: Callable[[], Any], context: Context, *, pulls: dict[str, Any] | None = None, params: dict[str, Any] | None = None,
    method: str = "execute", pushes: bool = False,
) -> Any:  # fmt: skip
    """Runs an operator of your own: `make` is its constructor's call."""
    made = make()
    given = values(context, params, pulls)
    for name in made.template_fields:
        setattr(made, name, render(getattr(made, name, None), given))
    _current.append(given)
    try:
        result = getattr(made, method)(given)
    finally:
        _current.pop()
    return _ended(result, given, pushes)


__all__ = [
    "AirflowNotFoundException", "AirflowSensorTimeout", "Asset", "AssetAlias", "BaseBranchOperator", "BaseOperator", "BaseSensorOperator",
    "DagRunState", "Dataset", "DatasetAlias", "Metadata", "Pushed", "State", "TaskInstanceState", "WeekDay", "bash", "call", "commands",
    "get_current_context", "http", "missing", "operator", "render", "values",
]  # fmt: skip
