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
from typing import Any, Iterable, Mapping, Sequence

from weft import attempt, host
from weft.asset import RecordedUpdate, check_partition
from weft.asset import name as asset_name
from weft.context import moment as read_moment
from weft.dags import Dag
from weft.elements import ABSENT, part_of
from weft.local.elements import picked
from weft.local.host import LocalHost
from weft.local.rules import teardown_verdict, verdict
from weft.node import Node, unlike_lists

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
    #: What it reported of its outlets.
    updates: list[dict[str, Any]] = field(default_factory=list)


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
    #: How runs of other DAGs end, by DAG or by their own id, for tasks that wait for them or call them.
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Answers by task, for tasks that ask.
    approvals: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Updates by asset, for tasks that wait for them.
    awaited_updates: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: The run's date, at which its assets were updated.
    logical_date: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    #: The mapped tasks that have an instance for each element, and not one end for all.
    expanded: set[str] = field(default_factory=set, repr=False)

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
    def assets(self) -> dict[str, list[RecordedUpdate]]:
        """The updates of each asset, as a run that they create has them in its parameter `assets`.

        So a test of the DAG that they create is `consumer.test({"assets": producer.test().assets})`.
        """
        at = self.logical_date.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assets: dict[str, list[RecordedUpdate]] = {}
        for task, instances in self.instances.items():
            outlets = self.dag.nodes[task].settings.get("outlets", [])
            for instance in instances:
                if instance.state != "success":
                    continue
                reported = {entry["asset"] for entry in instance.updates}
                plain = [{"asset": name} for name in outlets if name not in reported]
                for entry in instance.updates + plain:
                    update = RecordedUpdate(at=at, run="test")
                    if "partition" in entry:
                        update["partition"] = entry["partition"]
                    if "metadata" in entry:
                        update["metadata"] = entry["metadata"]
                    assets.setdefault(entry["asset"], []).append(update)
        return assets

    @property
    def succeeded(self) -> bool:
        return not self.failed_tasks

    @property
    def failed_tasks(self) -> list[str]:
        """The tasks that fail the run, so no teardown that counts for nothing."""
        counting = [task for task in self.instances if not self.dag.nodes[task].is_ignored]
        return [task for task in counting if self.state(task) in ("failed", "upstream_failed")]


def run_dag(
    dag: Dag,
    params: dict[str, Any],
    *,
    logical_date: datetime | None = None,
    variables: dict[str, str] | None = None,
    events: dict[str, Any] | None = None,
    runs: dict[str, dict[str, Any]] | None = None,
    approvals: dict[str, str | dict[str, Any]] | None = None,
    assets: Mapping[str, Mapping[str, Any] | Sequence[Mapping[str, Any]]] | None = None,
    check: bool = True,
) -> Run:
    """Runs it. With `check`, a run that failed raises `RunFailed` with the task's message.

    `events` has the payloads of events that are sent to the run; the wait for any
    other event ends with its timeout, or fails if it has none.

    `runs` says the same of runs that tasks wait for or call, by the DAG's id or the
    run's: `{"daily": {"state": "success", "outputs": {"report": 3}}}`, or
    `{"daily": {"error": {"code": "dag_paused", "message": "..."}}}` of a call that is
    refused. A call without the grant is refused as well. A wait for a task of a run ends
    as `tasks` of the run says: `{"daily": {"tasks": {"load": "skipped"}}}`.

    `approvals` has the answers to what tasks ask, by task: an option, or a dict with
    `option`, `comment`, `fields` and `by`.

    `assets` has updates that tasks wait for, by asset: a dict with `partition`, `metadata`,
    `at` and `run`, any of which can be left out, or a list of such dicts, as
    `producer.test().assets` has them. One without `at` is made while the task waits.
    """
    dag.document()
    events, runs, approvals = json.loads(json.dumps([events or {}, runs or {}, approvals or {}]))
    date = (logical_date or datetime.now(timezone.utc)).astimezone(timezone.utc)
    run = Run(
        dag,
        _params(dag, params),
        logical_date=date,
        events=events,
        runs={name: _ended(name, how) for name, how in runs.items()},
        approvals={name: _answer(dag, name, answer) for name, answer in approvals.items()},
        awaited_updates={name: _awaited(name, updates) for name, updates in (assets or {}).items()},
    )
    moment = date.isoformat()
    unchosen: dict[str, set[str]] = {}
    for node in _in_order(dag):
        _run_node(run, node, moment, variables or {}, unchosen)
    if check and not run.succeeded:
        for task in run.failed_tasks:
            for instance in run.instances[task]:
                if instance.state == "failed":
                    raise RunFailed(f"{dag.id}.{task}: {instance.message}")
        raise RunFailed(f"{dag.id}.{run.failed_tasks[0]}: upstream_failed")
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
    mapping = node.group or node
    if mapping.expand:
        run.mapped.add(node.id)
    by_index = [other for other in node.upstream if node.follows(other) and other.id in run.expanded]
    if any(node.id in names for names in unchosen.values()):
        decision: str | None = "skipped"
    else:
        decision = _decision(run, node, None, by_index)
    if decision not in ("run", None):
        run.instances[node.id] = [Instance(decision)]
        return
    if not mapping.expand:
        instance = _instance(run, node, _inputs(run, node, None, {}), None, moment, variables)
        run.instances[node.id] = [instance]
        if instance.chosen is not None:
            unchosen[node.id] = _not_chosen(run.dag, node, instance.chosen)
        return
    lists = {}
    for name, binding in mapping.expand.items():
        items = _value(run, binding)
        if not isinstance(items, list):
            run.instances[node.id] = [Instance("failed", message=f"{name} is no list: {items!r}")]
            return
        lists[name] = picked(items, binding)
    if mapping.zipped and (unlike := unlike_lists(lists)):
        run.instances[node.id] = [Instance("failed", message=f"the task can't be mapped: {unlike}")]
        return
    combined = list(zip(*lists.values()) if mapping.zipped else itertools.product(*lists.values()))
    if not combined:
        run.instances[node.id] = [Instance("skipped")]
        return
    run.expanded.add(node.id)
    run.instances[node.id] = instances = []
    for index, items in enumerate(combined):
        decision = _decision(run, node, index, by_index) if by_index else "run"
        if decision == "run":
            inputs = _inputs(run, node, index, _given(lists, items))
            instances.append(_instance(run, node, inputs, index, moment, variables))
        else:
            assert decision is not None, "every upstream has ended"
            instances.append(Instance(decision))


def _decision(run: Run, node: Node, index: int | None, by_index: list[Node]) -> str | None:
    """What the rule of a task says, or of one instance of it.

    Each instance counts that with its index of the tasks `by_index`. Without an index,
    `None` says that it depends on them.
    """

    def states(nodes: Iterable[Node]) -> list[str]:
        found = []
        for other in nodes:
            if other not in by_index:
                found += [instance.state for instance in run.instances[other.id]]
            elif index is not None:
                found.append(run.instances[other.id][index].state)
        return found

    waits = index is None and bool(by_index)
    if node.setups is None:
        return verdict(node.rule, states(node.upstream), waits)
    return None if waits else teardown_verdict(states(node.setups))


def _inputs(run: Run, node: Node, index: int | None, elements: dict[str, Any]) -> dict[str, Any]:
    """The inputs of one instance; `elements` is what it gets of the lists that it is mapped over."""
    inputs = {}
    for name, binding in node.inputs.items():
        if isinstance(binding, dict) and "element" in binding:
            value = part_of(elements.get(binding["element"], ABSENT), binding.get("pointer", ""))
            if value is not ABSENT:
                inputs[name] = value
        else:
            inputs[name] = _value(run, binding, node, index)
    return inputs if node.group else {**inputs, **elements}


def _given(names: Iterable[str], items: Iterable[Any]) -> dict[str, Any]:
    """The mapped inputs of one instance, without those that its elements leave out."""
    return {name: item for name, item in zip(names, items) if item is not ABSENT}


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


def _value(run: Run, binding: Any, node: Node | None = None, index: int | None = None) -> Any:
    """What a binding gives, to an instance of a task if it is an input."""
    if isinstance(binding, str):
        binding = {"task": binding}
    if "value" in binding:
        return binding["value"]
    if "param" in binding:
        value = run.params[binding["param"]]
    elif node is not None and node.follows(run.dag.nodes[binding["task"]]):
        value = _output_at(run, binding["task"], index)
    else:
        value = run.output(binding["task"])
    for part in binding.get("pointer", "").split("/")[1:]:
        if value is None:
            return None
        part = part.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, ValueError, TypeError):
            raise RunFailed(f"{run.dag.id}: {binding} leads nowhere in {value!r}") from None
    return value


def _output_at(run: Run, task: str, index: int | None) -> Any:
    """The output of the instance with this index; none if it has none."""
    return run.instances[task][index].output if index is not None and task in run.expanded else None


def _instance(
    run: Run, node: Node, inputs: dict[str, Any], index: int | None, moment: str, variables: dict[str, str]
) -> Instance:
    # Each attempt has inputs of its own, which the task may change.
    text = json.dumps(inputs)
    grants = node.settings.get("grants", {})
    granted = grants.get("variables", [])
    number, deferrals, resumed, woken = 1, 0, None, None
    while True:
        document = _attempt(run, node, index, number, moment)
        if woken is not None:
            document["woken"] = woken
        local = LocalHost(document, run.artifacts, variables, granted, resumed)
        with host.installed(local):
            outcome = attempt.run(node, json.loads(text))
        match outcome:
            case attempt.Success(output):
                return Instance("success", json.loads(json.dumps(output, allow_nan=False)), attempts=number)
            case attempt.Control({"kind": "skip"} as control):
                return Instance("skipped", message=control.get("reason"), attempts=number)
            case attempt.Control({"kind": "update", "assets": assets, "output": output}):
                output, assets = json.loads(json.dumps([output, assets], allow_nan=False))
                return Instance("success", output, attempts=number, updates=assets)
            case attempt.Control({"kind": "branch", "tasks": tasks}):
                return Instance("success", attempts=number, chosen=tasks)
            case attempt.Control({"kind": "defer", "state": state} as control):
                deferrals += 1
                if deferrals > MOST_DEFERRALS:
                    return Instance("failed", message="it defers itself for ever", attempts=number)
                try:
                    resumed, woken = state, _woken(run, node.id, control, grants.get("dags", []))
                except _Endless as endless:
                    return Instance("failed", message=f"it waits for ever: {endless}", attempts=number)
            case attempt.Failure(retryable, message):
                # Every failure here is the author's.
                is_retried = retryable and "author" in node.settings.get("retry_on", ["author"])
                if not is_retried or number > int(node.settings.get("retries", 0)):
                    return Instance("failed", message=message, attempts=number)
                # The retry has the same state and the same end of the wait.
                number += 1


class _Endless(Exception):
    """A wait that nothing ends, and what to add to the test."""


def _woken(run: Run, task: str, control: dict[str, Any], callable_dags: list[str]) -> dict[str, Any] | None:
    """What ends a wait; `None` where it is for a time."""
    match control:
        case {"event": name}:
            found = {"event": name, "payload": run.events[name]} if name in run.events else None
            add = f"add events={{{name!r}: ...}}"
        case {"run": name, "task": one} | {"dag": name, "task": one}:
            found = _task_ended(one, _ends(run, name, control))
            add = f"add runs={{{name!r}: {{'tasks': {{{one!r}: 'success'}}}}}}"
        case {"run": name} | {"dag": name}:
            found, add = _ends(run, name, control), f"add runs={{{name!r}: {{'state': 'success'}}}}"
            # Only called runs return their outputs.
            found = found and _without(found, "outputs", "tasks")
        case {"call": {"dag": name} as call}:
            if name not in callable_dags:
                message = f"the task asks for no call of {name}; add it: @task(grants={{'dags': [{name!r}]}})"
                return {"error": {"code": "not_granted", "message": message}}
            found, add = _ends(run, name, control), f"add runs={{{name!r}: {{'state': 'success', 'outputs': ...}}}}"
            if found and "error" not in found and not call["wait"]:
                return {**{key: found[key] for key in ("run", "dag")}, "state": "queued"}
            found = found and _without(found, "tasks")
        case {"approval": request}:
            found, add = _decided(run, task, request), f"add approvals={{{task!r}: {request['options'][0]!r}}}"
            if found is None and "default" in request:
                return {"approval": {"option": request["default"], "comment": None, "fields": {}, "by": None, "at": None}}
        case {"asset": name}:
            found, add = _update(run, control), f"add assets={{{name!r}: {_fitting(control)!r}}}"
        case _:
            return None
    if found is None and control["timeout_ms"] is None:
        raise _Endless(add)
    return {"timeout": True} if found is None else found


def _ends(run: Run, name: str, control: dict[str, Any]) -> dict[str, Any] | None:
    """How the test says that a run ends: one that is waited for by its id may be named by its DAG too."""
    for key, how in run.runs.items():
        if "run" not in control:
            if key == name:
                missing = how.get("state") == "missing"
                return how if "error" in how else {"run": None if missing else f"test-{key}", "dag": key, **how}
        elif key == name:
            return {"run": key, "dag": None, **how}
        elif name == how.get("run", f"test-{key}"):
            return {"run": name, "dag": key, **how}
    return None


def _without(found: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in names}


def _task_ended(task: str, ended: dict[str, Any] | None) -> dict[str, Any] | None:
    """How a task of a run ends, of which the test says how it ends."""
    if ended is None or "error" in ended:
        return ended
    state = "missing" if ended["state"] == "missing" else ended.get("tasks", {}).get(task)
    return None if state is None else {"run": ended["run"], "dag": ended["dag"], "task": task, "state": state}


def _awaited(name: str, given: Any) -> list[dict[str, Any]]:
    """One entry of `assets`, checked."""
    asset_name(name)
    updates = [given] if isinstance(given, Mapping) else given
    if not isinstance(updates, (list, tuple)) or not all(isinstance(update, Mapping) for update in updates):
        raise TypeError(f"assets={{{name!r}: ...}} takes a dict or a list of dicts, not {given!r}")
    return [_awaited_update(name, update) for update in updates]


def _awaited_update(name: str, update: Mapping[str, Any]) -> dict[str, Any]:
    if update.keys() - {"partition", "metadata", "at", "run"}:
        raise TypeError(
            f"assets={{{name!r}: ...}} takes a dict with `partition`, `metadata`, `at`, `run`, not {dict(update)!r}"
        )
    if update.get("partition") is not None:
        check_partition(name, update["partition"])
    at = update.get("at")
    at = read_moment(at) if isinstance(at, str) else at
    if at is not None and (not isinstance(at, datetime) or at.tzinfo is None):
        raise TypeError(f"assets={{{name!r}: ...}}: `at` is a datetime with a time zone, not {at!r}")
    metadata = json.loads(json.dumps(update.get("metadata")))
    return {
        "asset": name,
        "partition": update.get("partition"),
        "metadata": metadata,
        "at": None if at is None else at.isoformat(),
        "run": update.get("run"),
    }


def _update(run: Run, control: dict[str, Any]) -> dict[str, Any] | None:
    """The last update of the test that counts for what a task waits for."""
    since = read_moment(control["since"]) if "since" in control else None
    for update in reversed(run.awaited_updates.get(control["asset"], [])):
        if "partition" in control and update["partition"] != control["partition"]:
            continue
        if update["at"] is None:
            now = datetime.now(timezone.utc)
            return {"update": {**update, "at": max(now, since or now).isoformat()}}
        if since is None or read_moment(update["at"]) >= since:
            return {"update": update}
    return None


def _fitting(control: dict[str, Any]) -> dict[str, Any]:
    """The least that an update has which ends the wait."""
    return {"partition": control["partition"]} if "partition" in control else {}


def _answer(dag: Dag, task: str, answer: Any) -> dict[str, Any]:
    """One entry of `approvals`, checked, with its defaults."""
    if task not in dag.nodes:
        raise TypeError(f"approvals={{{task!r}: ...}}: DAG {dag.id} has no such task; it has {', '.join(dag.nodes)}")
    answer = {"option": answer} if isinstance(answer, str) else answer
    if not isinstance(answer, dict) or "option" not in answer or answer.keys() - {"option", "comment", "fields", "by"}:
        raise TypeError(
            f"approvals={{{task!r}: ...}} takes an option or a dict with `option`, `comment`, `fields`, `by`, not {answer!r}"
        )
    return {"comment": None, "fields": {}, "by": "test", "at": None, **answer}


def _decided(run: Run, task: str, request: dict[str, Any]) -> dict[str, Any] | None:
    """The answer of the test to what a task asks."""
    answer = run.approvals.get(task)
    if answer is None:
        return None
    if answer["option"] not in request["options"]:
        raise TypeError(f"approvals={{{task!r}: ...}}: the options are {', '.join(request['options'])}")
    return {"approval": answer}


def _ended(name: str, how: Any) -> dict[str, Any]:
    """One entry of `runs`, checked, with its defaults."""
    if not isinstance(how, dict) or how.keys() - {"run", "dag", "state", "outputs", "tasks", "error"}:
        raise TypeError(
            f"runs={{{name!r}: ...}} takes a dict with `state`, `tasks`, `outputs`, `run`, `dag`, or `error`, "
            f"not {how!r}"
        )
    if "error" in how:
        error = how["error"]
        if not isinstance(error, dict) or error.keys() != {"code", "message"}:
            raise TypeError(f"runs={{{name!r}: ...}}: an `error` is a dict with `code` and `message`, not {error!r}")
        return {"error": error}
    state = how.get("state", "success")
    if state not in _STATES:
        raise TypeError(f"runs={{{name!r}: ...}}: the `state` is one of {', '.join(_STATES)}, not {state!r}")
    tasks = how.get("tasks", {})
    if not isinstance(tasks, dict):
        raise TypeError(f"runs={{{name!r}: ...}}: `tasks` are a dict such as {{'load': 'success'}}, not {tasks!r}")
    for task, ended in tasks.items():
        if ended not in _TASK_STATES:
            known = ", ".join(_TASK_STATES)
            raise TypeError(f"runs={{{name!r}: ...}}: the state of task {task} is one of {known}, not {ended!r}")
    return {**how, "state": state}


#: How a run can end, and `missing` for one that there is not.
_STATES = ("success", "failed", "cancelled", "missing")

#: How a task of a run can end, and `missing` for one that there is not.
_TASK_STATES = ("success", "failed", "skipped", "cancelled", "missing")


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
