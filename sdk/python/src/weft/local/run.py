"""`my_dag.test()`: a DAG in this process, one task after the other.

Inputs and outputs go through JSON as they do in the sandbox. Retries and
deferrals happen at once, since a test has no time to wait. What differs: no
limits, no grants for HTTP, and every package of this Python.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from weft import attempt, host
from weft.dags import Dag
from weft.local.host import LocalHost
from weft.local.rules import verdict
from weft.node import Node

#: A task that defers itself more often than this is taken to wait for ever.
MOST_DEFERRALS = 1000


class RunFailed(AssertionError):
    """A task of the run failed."""


@dataclass
class Instance:
    """How one task, or one instance of a mapped one, ended."""

    state: str
    output: Any = None
    message: str | None = None
    attempts: int = 0
    chosen: list[str] | None = None


@dataclass
class Run:
    """A run that has ended."""

    dag: Dag
    params: dict[str, Any]
    instances: dict[str, list[Instance]] = field(default_factory=dict)
    mapped: set[str] = field(default_factory=set)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    #: Payloads of events by name, for tasks that wait for them.
    events: dict[str, Any] = field(default_factory=dict)

    def output(self, task: str) -> Any:
        """The output of a task as JSON; of a mapped task, the list of outputs."""
        instances = self.instances[task]
        if task in self.mapped:
            return [instance.output for instance in instances if instance.state == "success"]
        return instances[0].output

    def state(self, task: str) -> str:
        """`success`, `failed`, `skipped` or `upstream_failed`."""
        states = [instance.state for instance in self.instances[task]]
        for worst in ("failed", "upstream_failed"):
            if worst in states:
                return worst
        return "skipped" if states and all(state == "skipped" for state in states) or not states else "success"

    @property
    def states(self) -> dict[str, str]:
        return {task: self.state(task) for task in self.instances}

    @property
    def succeeded(self) -> bool:
        return not {"failed", "upstream_failed"} & set(self.states.values())


def run_dag(
    dag: Dag,
    params: dict[str, Any],
    *,
    logical_date: datetime | None = None,
    variables: dict[str, str] | None = None,
    events: dict[str, Any] | None = None,
    check: bool = True,
) -> Run:
    """Runs it. With `check`, a run that failed raises `RunFailed` with the task's message.

    `events` has the payloads of events that are sent to the run; the wait for any
    other event ends with its timeout, or fails if it has none.
    """
    dag.document()
    run = Run(dag, _params(dag, params), events=json.loads(json.dumps(events or {})))
    moment = (logical_date or datetime.now(timezone.utc)).astimezone(timezone.utc).isoformat()
    unchosen: dict[str, set[str]] = {}
    for node in _in_order(dag):
        _run_node(run, node, moment, variables or {}, unchosen)
    if check and not run.succeeded:
        for task, instances in run.instances.items():
            for instance in instances:
                if instance.state == "failed":
                    raise RunFailed(f"{dag.id}.{task}: {instance.message}")
    return run


def _params(dag: Dag, given: dict[str, Any]) -> dict[str, Any]:
    for name in given:
        if name not in dag.params:
            raise TypeError(f"DAG {dag.id} has no parameter {name!r}; it has {', '.join(dag.params) or 'none'}")
    values = {}
    for name, param in dag.params.items():
        if name not in given and not param.has_default:
            raise TypeError(f"DAG {dag.id}: parameter {name!r} has no default: test({{{name!r}: ...}})")
        values[name] = given.get(name, param.default)
    return json.loads(json.dumps(values))


def _in_order(dag: Dag) -> list[Node]:
    order: list[Node] = []
    seen: dict[str, bool] = {}

    def visit(node: Node, path: tuple[str, ...]) -> None:
        if node.id in path:
            raise TypeError(f"DAG {dag.id} goes in a circle: {' -> '.join([*path, node.id])}")
        if not seen.get(node.id):
            for other in node.upstream:
                visit(other, (*path, node.id))
            seen[node.id] = True
            order.append(node)

    for node in dag.nodes.values():
        visit(node, ())
    return order


def _run_node(run: Run, node: Node, moment: str, variables: dict[str, str], unchosen: dict[str, set[str]]) -> None:
    states = [instance.state for other in node.upstream for instance in run.instances[other.id]]
    if any(node.id in names for names in unchosen.values()):
        decision = "skipped"
    else:
        decision = verdict(node.rule, states)
    if decision != "run":
        run.instances[node.id] = [Instance(decision)]
        return
    inputs = {name: _value(run, binding) for name, binding in node.inputs.items()}
    if not node.expand:
        instance = _instance(run, node, inputs, None, moment, variables)
        run.instances[node.id] = [instance]
        if instance.chosen is not None:
            unchosen[node.id] = _not_chosen(run.dag, node, instance.chosen)
        return
    run.mapped.add(node.id)
    lists = [_value(run, binding) for binding in node.expand.values()]
    for name, items in zip(node.expand, lists):
        if not isinstance(items, list):
            run.instances[node.id] = [Instance("failed", message=f"{name} is no list: {items!r}")]
            return
    run.instances[node.id] = [
        _instance(run, node, {**inputs, **dict(zip(node.expand, items))}, index, moment, variables)
        for index, items in enumerate(itertools.product(*lists))
    ] or [Instance("skipped")]


def _not_chosen(dag: Dag, node: Node, chosen: list[str]) -> set[str]:
    """The direct downstreams that were not chosen and can't be reached through one that was."""
    reached: set[str] = set()
    pending = list(chosen)
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending.extend(dag.nodes[name].downstream)
    return set(node.downstream) - reached


def _value(run: Run, binding: Any) -> Any:
    if isinstance(binding, str):
        binding = {"task": binding}
    if "value" in binding:
        return binding["value"]
    value = run.output(binding["task"]) if "task" in binding else run.params[binding["param"]]
    for part in binding.get("pointer", "").split("/")[1:]:
        if value is None:
            return None
        part = part.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, ValueError, TypeError):
            raise RunFailed(f"{run.dag.id}: {binding} leads nowhere in {value!r}") from None
    return value


def _instance(
    run: Run, node: Node, inputs: dict[str, Any], index: int | None, moment: str, variables: dict[str, str]
) -> Instance:
    inputs = json.loads(json.dumps(inputs))
    granted = node.settings.get("grants", {}).get("variables", [])
    number, deferrals, resumed, woken = 1, 0, None, None
    while True:
        document = _attempt(run, node, index, number, moment)
        if woken is not None:
            document["woken"] = woken
        local = LocalHost(document, run.artifacts, variables, granted, resumed)
        with host.installed(local):
            outcome = attempt.run(node, inputs)
        match outcome:
            case attempt.Success(output):
                return Instance("success", json.loads(json.dumps(output, allow_nan=False)), attempts=number)
            case attempt.Control({"kind": "skip"} as control):
                return Instance("skipped", message=control.get("reason"), attempts=number)
            case attempt.Control({"kind": "branch", "tasks": tasks}):
                return Instance("success", attempts=number, chosen=tasks)
            case attempt.Control({"kind": "defer", "state": state} as control):
                deferrals += 1
                if deferrals > MOST_DEFERRALS:
                    return Instance("failed", message="it defers itself for ever", attempts=number)
                resumed, woken = state, _woken(run, control)
                if woken is not None and not woken:
                    name = control["event"]
                    return Instance("failed", message=f"it waits for ever: add events={{{name!r}: ...}}", attempts=number)
            case attempt.Failure(retryable, message):
                if not retryable or number > int(node.settings.get("retries", 0)):
                    return Instance("failed", message=message, attempts=number)
                number += 1
                resumed, woken = None, None


def _woken(run: Run, control: dict[str, Any]) -> dict[str, Any] | None:
    """What ends a wait; empty where nothing does, `None` where it is for a time."""
    name = control.get("event")
    if name is None:
        return None
    if name in run.events:
        return {"event": name, "payload": run.events[name]}
    return {} if control["timeout_ms"] is None else {"timeout": True}


def _attempt(run: Run, node: Node, index: int | None, number: int, moment: str) -> dict[str, Any]:
    return {
        "tenant": "default",
        "dag": run.dag.id,
        "run": "test",
        "task": node.id,
        "map_index": index,
        "number": number,
        "logical_date": moment,
        "data_interval": {"start": moment, "end": moment},
        "params": run.params,
        "deadline": None,
        "idempotency_key": f"test-{node.id}-{index}",
    }
