"""Writes mapped task groups: as a function with `@task_group` that is mapped over the lists of Airflow's group."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from weft_airflow.literal import NotLiteral, literal
from weft_airflow.model import DagParam, Derived, Group, MappedArgument, Output, Task
from weft_airflow.plan import KEYWORDS, Plan, as_list, identifier
from weft_airflow.report import Report
from weft_airflow.scope import Module, Scope


@dataclass
class GroupPlan:
    """How one mapped group is written."""

    group: Group
    #: Why it can't be written.
    reason: str | None = None
    #: What it is mapped over: by parameter, an expression of the graph.
    lists: dict[str, str] = field(default_factory=dict)
    #: What `expand_kwargs` maps it over, instead of `lists`.
    rows: str = ""
    #: The parameters that go together as one element of a zip of outputs.
    parts: dict[str, list[str]] = field(default_factory=dict)
    #: The tasks whose outputs the lists are.
    takes: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        return identifier(str(self.group.group_id))


class MappedGroups:
    """The part of the writer that writes mapped groups. What it shares with the others is set by `DagWriter`."""

    scope: Scope
    report: Report
    module: Module
    plans: dict[str, Plan]
    groups: dict[str, GroupPlan]
    _vars: set[str]

    def _by_hand(self, plan: Plan, reason: str) -> None:
        raise NotImplementedError

    def _call(self, plan: Plan) -> str:
        raise NotImplementedError

    def _import(self, text: str) -> None:
        raise NotImplementedError

    def _is_source(self, value: Any) -> bool:
        raise NotImplementedError

    def _source(self, plan: Plan, value: Any) -> str:
        raise NotImplementedError

    def _elements(self, plan: Plan, output: Output) -> str:
        raise NotImplementedError

    # Which tasks are in which.

    def _group_of(self, task: Task) -> GroupPlan | None:
        """The mapped group that a task is written in."""
        groups = _mapped_groups_around(task)
        if not groups:
            return None
        found = self._group_plan(groups[-1])
        return None if found.reason else found

    def _is_list(self, task: Task, of: Task) -> bool:
        """Whether a task gets the list of the outputs of all instances of another one."""
        group = self._group_of(task)
        return task.mapped is not None or group is not None and group is not self._group_of(of)

    def _check_group(self, plan: Plan) -> None:
        """Leaves a task to be written by hand that can't be in its mapped group."""
        reason, takes = plan.reason, set()
        groups = _mapped_groups_around(plan.task)
        if groups:
            group = self._group_plan(groups[-1])
            if group.reason is None:
                # The group's lists come before all its tasks.
                takes = group.takes
            reason = reason or group.reason or _unfit(plan, groups)
        plan.takes |= takes
        if reason is None:
            return
        is_by_hand = plan.text.rpartition("\n")[2].startswith("raise Fail(")
        plan.bound.clear()
        plan.mapped.clear()
        plan.rows = ""
        plan.keywords.clear()
        plan.takes = set(takes)
        plan.zipped, plan.uses_context, plan.direct = False, False, None
        if not is_by_hand:
            self._by_hand(plan, reason)

    # The lists.

    def _group_plan(self, group: Group) -> GroupPlan:
        key = str(group.group_id)
        if key not in self.groups:
            self.groups[key] = found = GroupPlan(group)
            # Outputs are looked at as by a task of the group.
            first = Plan(next(iter(group)), "")
            self._read_lists(found, first)
            found.takes = first.takes
        return self.groups[key]

    def _read_lists(self, found: GroupPlan, first: Plan) -> None:
        mapped = found.group.mapped
        assert mapped is not None, "only mapped groups are planned"
        what = f"the group {found.group.group_id}"
        between = _between(found.group)
        if between:
            found.reason = f"{what} is mapped, and {', '.join(between)}, outside of it, is both after and before its tasks: move it into the group, or make two groups"
            return
        for name, value in mapped.values.items():
            if isinstance(value, Output) and self._is_source(value):
                text = self._source(first, value)
                if mapped.as_kwargs and mapped.names:
                    found.rows = text
                else:
                    found.lists[name] = text
            elif _is_zip(value) and len(mapped.values) == 1:
                found.parts[name] = [f"{name}_{number}" for number in range(len(value.parts))]
                found.lists = dict(zip(found.parts[name], [self._elements(first, part) for part in value.parts]))
                self.report.add(*found.group.where, f"{what} is mapped over lists that go together: it fails if they have unlike lengths, where Airflow's stops with the shortest")
            elif isinstance(value, Derived):
                found.reason = f"{what} is mapped over several outputs together: put them together in a task that returns a list, and map the group over that"
            elif isinstance(value, DagParam):
                found.reason = f"{what} is mapped over the parameter {value.name}: return the parameter from a task, and map the group over that"
            else:
                try:
                    found.lists[name] = literal([list(pair) for pair in value.items()] if isinstance(value, dict) else as_list(value))
                except NotLiteral as error:
                    found.reason = f"what {what} is mapped over can't be known here: {error}"

    # Elements.

    def _element_of_graph(self, plan: Plan, item: MappedArgument) -> str:
        """The graph's expression for an element; the group's parameters are marked until all functions have names."""
        around = [group for group in _mapped_groups_around(plan.task) if group.mapped is item.mapped]
        if not around:
            plan.reason = "it takes an element of a mapped group that it is not in: take the output of a task of the group"
            return "None"
        group = self._group_plan(around[0])
        key, _, part = item.key.partition("[")
        if key in group.parts:
            names = group.parts[key]
            one = re.match(r"(\d+)\](.*)", part)
            if one and int(one[1]) < len(names):
                return f"{_marked(names[int(one[1])])}{one[2]}"
            whole = f"[{', '.join(map(_marked, names))}]"
        elif item.mapped.as_kwargs and not group.rows:
            whole = f"{_marked('kwargs')}[{literal(key)}]"
        else:
            whole = _marked(key)
        return f"{whole}[{part}" if part else whole

    # The text.

    def _group_lines(self, group: GroupPlan, plans: list[Plan]) -> list[str]:
        """The function of a mapped group with its tasks, and the call that maps it."""
        self._import("from weft import task_group")
        base = re.sub(r"\W", "_", group.id.rpartition(".")[2])
        base = base if base.isidentifier() and base not in KEYWORDS else f"group_{base}"
        function = self.scope.free(self.module, f"{base}_group" if base in self.module.bound else base)
        as_kwargs = bool(group.rows)
        mapped = group.group.mapped
        assert mapped is not None, "only mapped groups are planned"
        names: dict[str, str] = {}
        for key in mapped.names if as_kwargs else group.lists:
            names[key] = self._group_parameter("row" if key == "kwargs" and mapped.as_kwargs else key, names)
        if as_kwargs and any(key != name for key, name in names.items()):
            # The parameters can't be named as the keys.
            row = self._group_parameter("row", {})
            group.lists, as_kwargs = {row: group.rows}, False
            of_key = {key: f"{row}[{literal(key)}]" for key in names}
            parameters = [row]
        else:
            of_key, parameters = names, list(names.values())

        def with_names(text: str) -> str:
            return re.sub("\2(.*?)\2", lambda found: of_key[found[1]], text)

        head = "@task_group" if function == group.id else f"@task_group(group_id={literal(group.id)})"
        lines = ["", f"    {head}", f"    def {function}({', '.join(parameters)}):"]
        lines += [f"        {plan.var} = {with_names(self._call(plan))}" for plan in plans]
        variables = ", ".join(plan.var for plan in plans)
        lines += [f"        return {variables}", ""]
        if as_kwargs:
            call = f"expand_kwargs({group.rows})"
        else:
            given = ", ".join(f"{names.get(key, key)}={text}" for key, text in group.lists.items())
            call = f"{'zip' if group.parts else 'expand'}({given})"
        return [*lines, f"    {variables} = {self._with_variables(f'{function}.{call}')}"]

    def _with_variables(self, text: str) -> str:
        raise NotImplementedError

    def _group_parameter(self, wanted: str, taken: dict[str, str]) -> str:
        base = wanted if wanted.isidentifier() and wanted not in KEYWORDS else "value_" + re.sub(r"\W", "_", wanted)
        found, number = base, 1
        while found in self.module.bound or found in self._vars or found in taken.values():
            number += 1
            found = f"{base}_{number}"
        return found


def _mapped_groups_around(task: Task) -> list[Group]:
    """The mapped groups that a task is in, from the innermost on."""
    found = []
    group = task.task_group
    while group is not None:
        if group.mapped is not None:
            found.append(group)
        group = group.parent_group
    return found


def _unfit(plan: Plan, groups: list[Group]) -> str | None:
    """Why a task can't be in its mapped group."""
    inner, outer = groups[0].group_id, groups[-1].group_id
    if inner != outer:
        return f"it is in the group {inner}, which is mapped inside of the mapped group {outer}: let a task of {outer} call another DAG for each element of the inner list"
    if plan.task.mapped is not None:
        return f"it is mapped inside of the mapped group {outer}: let it call another DAG for each element of its list"
    if plan.decorator in ("branch", "short_circuit"):
        return f"it chooses what runs, which no task of a mapped group can, and it is in {outer}: raise Skip in the tasks that are not to run"
    return None


def _is_zip(value: Any) -> bool:
    """Whether it is a zip of outputs that the graph can map over."""
    return (
        isinstance(value, Derived) and value.how == "zip" and not value.fills
        and all(isinstance(part, Output) and not isinstance(part, Derived) for part in value.parts)
    )  # fmt: skip


def _between(group: Group) -> list[str]:
    """The tasks outside of a group that are after one of its tasks and before another."""

    def reached(side: str) -> dict[str, Task]:
        found: dict[str, Task] = {}
        pending = list(group)
        while pending:
            for one in getattr(pending.pop(), side):
                if one.task_id not in found:
                    found[one.task_id] = one
                    pending.append(one)
        return found

    after, before = reached("downstream_list"), reached("upstream_list")
    inside = {task.task_id for task in group}
    return [name for name in after if name in before and name not in inside]


def _marked(name: str) -> str:
    """A parameter of a group's function, before it has its name."""
    return f"\2{name}\2"
