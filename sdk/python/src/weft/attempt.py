"""One attempt of a task: inputs from JSON, the function, and what came of it.

Host and runner in this process call the same function here, so that a DAG
that passes `my_dag.test()` has met every check of the sandbox's border.
"""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from weft.asset import Update
from weft.context import AIRFLOW, Context
from weft.elements import ABSENT
from weft.ending import Approval, Call, Defer, Fail, Retry, Skip
from weft.node import KEYWORDS, Node, Slot
from weft.shape import Anything, Misfit, Shape

if TYPE_CHECKING:
    from weft.tasks import TaskFunction

_log = logging.getLogger("weft")

#: The encoding of a value without an annotation.
_UNTYPED = Anything()


@dataclass
class Success:
    """The output, as JSON holds it."""

    output: Any


@dataclass
class Control:
    """A control message that a task returns instead of an output; see `control.schema.json`."""

    document: dict[str, Any]


@dataclass
class Failure:
    """The author's failure."""

    retryable: bool
    message: str
    more: dict[str, Any] | None = None


Outcome = Success | Control | Failure


def run(node: Node, inputs: dict[str, Any]) -> Outcome:
    """Runs one attempt, with the host installed. Never raises."""
    task = node.task
    try:
        try:
            arguments = _arguments(node, _call_maps(node, inputs) if node.maps else inputs)
        except Misfit as misfit:
            return _failed(Fail(f"input {misfit}"))
        result = task.function(**arguments)
    except Skip as skip:
        reason = str(skip)
        return Control({"kind": "skip", "reason": reason} if reason else {"kind": "skip"})
    except Defer as defer:
        return _deferred(defer)
    except Exception as error:
        _log.error("%s", "".join(trace(error)).rstrip())
        return _failed(error)
    except SystemExit as error:
        return _failed(Fail(f"the task called sys.exit({error.code!r}); return, or raise an exception"))
    try:
        return _ended(node, result)
    except Misfit as misfit:
        return _failed(Fail(_output(task, misfit)))


def _call_maps(node: Node, inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs, with those replaced that the functions of `map` are called with."""
    inputs = dict(inputs)
    for name, functions in node.maps.items():
        if name in inputs:
            for function in functions:
                inputs[name] = function(inputs[name])
            if inputs[name] is ABSENT:
                del inputs[name]
    if KEYWORDS in inputs:
        given = inputs.pop(KEYWORDS)
        if not isinstance(given, dict):
            raise Misfit("of expand_kwargs", f"the function of .map() returns a dict of parameters, not {given!r}")
        for name in given:
            if name in node.inputs or name in node.composed:
                raise Misfit(name, "is given by partial and by the function of .map()")
            if name not in node.task.signature.parameters:
                raise Misfit(name, "comes from the function of .map(), and is no parameter of the task")
        inputs.update(given)
    return inputs


def _arguments(node: Node, inputs: dict[str, Any]) -> dict[str, Any]:
    signature = node.task.signature
    arguments: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        if name in node.composed:
            value = _filled(node.composed[name], inputs)
        elif name in inputs:
            value = inputs[name]
        elif parameter.required:
            raise Misfit(name, _missing(node, name))
        else:
            continue
        # An upstream that was skipped gives nothing, whatever its annotation promises.
        lacks = value is None and node.may_lack_inputs
        if lacks:
            arguments[name] = None
        elif node.maps and _is_computed(node, name):
            arguments[name] = _fitted(parameter.shape, value, name)
        else:
            arguments[name] = parameter.shape.decode(value, name)
    context = Context()
    arguments.update(dict.fromkeys(signature.contexts, context))
    for name in signature.injected:
        arguments[name] = AIRFLOW[name](context)
    if signature.everything:
        for name, read in AIRFLOW.items():
            arguments.setdefault(name, read(context))
    return arguments


def _is_computed(node: Node, name: str) -> bool:
    """Whether a function of `map` returned the value of a parameter, or a value within it."""
    if name in node.composed:
        return any(slot.startswith(f"{name}:") for slot in node.maps)
    return name in node.maps or KEYWORDS in node.maps


def _missing(node: Node, name: str) -> str:
    """Why an input without a default is missing."""
    binding = node.expand.get(name) or node.inputs.get(name)
    if not isinstance(binding, dict):
        return "is missing"
    pointer = binding.get("pointer" if "element" in binding else "each")
    if pointer is not None:
        return f"is missing: the element has nothing at {pointer}, and the parameter has no default"
    if "element" in binding:
        return "is missing: the element has no such part, and the parameter has no default"
    return "is missing"


def _fitted(shape: Shape, value: Any, name: str) -> Any:
    """What a function of `map` returned, as the annotation promises: it may be JSON, or such a value already."""
    try:
        return shape.decode(value, name)
    except Misfit:
        try:
            encoded = shape.encode(value, name)
        except Misfit:
            encoded = None
        if encoded is None:
            raise
    return shape.decode(encoded, name)


def _filled(template: Any, inputs: dict[str, Any]) -> Any:
    if isinstance(template, Slot):
        return inputs.get(template.name)
    if isinstance(template, list):
        return [_filled(item, inputs) for item in template]
    if isinstance(template, dict):
        return {key: _filled(item, inputs) for key, item in template.items()}
    return template


def _ended(node: Node, result: Any) -> Outcome:
    task = node.task
    if isinstance(result, Update):
        return _updated(node, result)
    match task.kind.name:
        case "branch":
            return Control({"kind": "branch", "tasks": _chosen(node, result)})
        case "short_circuit":
            return Control({"kind": "branch", "tasks": list(node.downstream) if result else []})
        case "sensor":
            return _polled(task, result)
    return Success(task.signature.output.encode(result, "output"))


def _updated(node: Node, update: Update) -> Outcome:
    task = node.task
    if task.kind.name != "task":
        return _failed(Fail(f"{node.id}: a {task.kind.name} has no update(...); its outlets are updated without one"))
    outlets = node.settings.get("outlets", [])
    for entry in update.assets:
        if entry.asset not in outlets:
            known = ", ".join(outlets) or "it has none"
            add = f"@task(outlets={[*outlets, entry.asset]})"
            return _failed(Fail(f"{node.id} updates {entry.asset}, which is none of its outlets ({known}); add it: {add}"))
    output = task.signature.output.encode(update.output, "output")
    return Control({"kind": "update", "assets": [entry.document() for entry in update.assets], "output": output})


def _chosen(node: Node, result: Any) -> list[str]:
    ids = [] if result is None else [result] if not isinstance(result, (list, tuple, set)) else list(result)
    names = [getattr(item, "id", item) for item in ids]
    for name in names:
        if name not in node.downstream:
            known = ", ".join(node.downstream) or "it has none"
            raise Misfit("", f"{node.id} chose {name!r}, which is none of its direct downstreams ({known})")
    return list(dict.fromkeys(names))


def _polled(task: TaskFunction[Any, Any], result: Any) -> Outcome:
    poll = task.poll
    assert poll is not None, "every sensor has one"
    done = getattr(result, "is_done", result)
    if done:
        return Success(_UNTYPED.encode(getattr(result, "xcom_value", None), "output"))
    began = (Context().resumed or {}).get("began")
    now = time.time()
    if now - (began or now) >= poll.timeout:
        if poll.soft_fail:
            return Control({"kind": "skip", "reason": f"it was not there after {poll.timeout:g} s"})
        return _failed(Fail(f"it was not there after {poll.timeout:g} s"))
    after_ms = round(poll.interval * 1000)
    return Control({"kind": "defer", "after_ms": after_ms, "state": {"began": began or now}})


def _deferred(defer: Defer) -> Outcome:
    document: dict[str, Any] = {"kind": "defer"}
    try:
        document.update(_wake(defer), state=_UNTYPED.encode(defer.state, "state"))
    except Misfit as misfit:
        return _failed(Fail(f"the deferral's {misfit}"))
    return Control(document)


def _wake(defer: Defer) -> dict[str, Any]:
    """What wakes the task."""
    if defer.until is not None:
        return {"until": _text(defer.until)}
    if defer.after_ms is not None:
        return {"after_ms": defer.after_ms}
    if defer.event is not None:
        wake: dict[str, Any] = {"event": defer.event}
    elif defer.run is not None:
        wake = {"run": defer.run, **_task(defer)}
    elif defer.call is not None:
        wake = {"call": _call(defer.call)}
    elif defer.approval is not None:
        wake = {"approval": _approval(defer.approval)}
    elif defer.asset is not None:
        wake = _asset(defer.asset, defer.partition, defer.since)
    else:
        assert defer.dag is not None and defer.logical_date is not None, "one of them is given"
        wake = {"dag": defer.dag, "logical_date": _text(defer.logical_date), **_task(defer)}
    return {**wake, "timeout_ms": defer.timeout_ms}


def _task(defer: Defer) -> dict[str, Any]:
    """The task whose end is waited for, where it is not the whole run's."""
    return {} if defer.task is None else {"task": defer.task}


def _asset(asset: str, partition: str | None, since: datetime | None) -> dict[str, Any]:
    document: dict[str, Any] = {"asset": asset}
    if partition is not None:
        document["partition"] = partition
    if since is not None:
        document["since"] = _text(since)
    return document


def _call(call: Call) -> dict[str, Any]:
    document: dict[str, Any] = {"dag": call.dag, "params": _UNTYPED.encode(call.params, "params"), "wait": call.wait}
    if call.logical_date is not None:
        document["logical_date"] = _text(call.logical_date)
    return document


def _approval(approval: Approval) -> dict[str, Any]:
    document: dict[str, Any] = {"subject": approval.subject, "options": approval.options}
    more = {"body": approval.body, "default": approval.default, "approvers": approval.approvers or None}
    document.update({name: value for name, value in more.items() if value is not None})
    if approval.form is not None:
        document["form"] = _UNTYPED.encode(approval.form, "form")
    return document


def _text(moment: datetime) -> str:
    """A point in time, in UTC, as documents have it."""
    return moment.isoformat().replace("+00:00", "Z")


def _output(task: TaskFunction[Any, Any], misfit: Misfit) -> str:
    function = task.function
    code = getattr(function, "__code__", None)
    place = f" ({code.co_filename}:{code.co_firstlineno})" if code else ""
    if not misfit.at:
        what = "chose what it can't choose"
    elif isinstance(task.signature.output, Anything):
        what = "returned a value that can't be passed on"
    else:
        what = "returned what its annotation doesn't say"
    return f"{task.function.__name__} {what}{place}: {misfit}"


def _failed(error: BaseException) -> Failure:
    message = str(error)
    if not isinstance(error, (Fail, Retry)):
        message = f"{type(error).__name__}: {message}" if message else type(error).__name__
    more: dict[str, Any] = {}
    if isinstance(error, Retry):
        if error.after_ms is not None:
            more["retry_after_ms"] = error.after_ms
        if error.details is not None:
            more["details"] = error.details
    return Failure(not permanent(error), message or type(error).__name__, more or None)


def permanent(error: BaseException) -> bool:
    """Whether a retry can't fix the failure or one of its causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, Fail) or getattr(error, "weft_permanent", False):
            return True
        reason = getattr(error, "reason", None)
        following = error.__cause__ or error.__context__ or (reason if isinstance(reason, BaseException) else None)
        error = following  # type: ignore[assignment]
    return False


def trace(error: BaseException) -> list[str]:
    """The traceback from the author's own code on."""
    first = error.__traceback__
    while first is not None and first.tb_frame.f_code.co_filename == __file__:
        first = first.tb_next
    return traceback.format_exception(type(error), error, first or error.__traceback__)
