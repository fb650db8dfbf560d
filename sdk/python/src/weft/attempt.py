"""One attempt of a task: inputs from JSON, the function, and what came of it.

Host and runner in this process call the same function here, so that a DAG
that passes `my_dag.test()` has met every check of the sandbox's border.
"""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weft.context import AIRFLOW, Context
from weft.ending import Defer, Fail, Retry, Skip
from weft.node import Node, Slot
from weft.shape import Anything, Misfit

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
        arguments = _arguments(node, inputs)
    except Misfit as misfit:
        return _failed(Fail(f"input {misfit}"))
    try:
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


def _arguments(node: Node, inputs: dict[str, Any]) -> dict[str, Any]:
    signature = node.task.signature
    arguments: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        if name in node.composed:
            value = _filled(node.composed[name], inputs)
        elif name in inputs:
            value = inputs[name]
        elif parameter.required:
            raise Misfit(name, "is missing")
        else:
            continue
        # An upstream that was skipped gives nothing, whatever its annotation promises.
        lacks = value is None and node.may_lack_inputs
        arguments[name] = None if lacks else parameter.shape.decode(value, name)
    context = Context()
    arguments.update(dict.fromkeys(signature.contexts, context))
    for name in signature.injected:
        arguments[name] = AIRFLOW[name](context)
    if signature.everything:
        for name, read in AIRFLOW.items():
            arguments.setdefault(name, read(context))
    return arguments


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
    match task.kind.name:
        case "branch":
            return Control({"kind": "branch", "tasks": _chosen(node, result)})
        case "short_circuit":
            return Control({"kind": "branch", "tasks": list(node.downstream) if result else []})
        case "sensor":
            return _polled(task, result)
    return Success(task.signature.output.encode(result, "output"))


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
    try:
        state = _UNTYPED.encode(defer.state, "state")
    except Misfit as misfit:
        return _failed(Fail(f"the deferral's {misfit}"))
    if defer.until is not None:
        until = defer.until.isoformat().replace("+00:00", "Z")
        return Control({"kind": "defer", "until": until, "state": state})
    if defer.event is not None:
        return Control({"kind": "defer", "event": defer.event, "timeout_ms": defer.timeout_ms, "state": state})
    return Control({"kind": "defer", "after_ms": defer.after_ms, "state": state})


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
