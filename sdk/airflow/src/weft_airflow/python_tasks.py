"""Writes tasks of Python functions: as the function itself, or as a call of it with Airflow's context."""

from __future__ import annotations

import functools
import inspect
import re
import types
from typing import Any

from weft_airflow import recorder, values
from weft_airflow.decorators import CONTEXT_KEYS
from weft_airflow.literal import NotLiteral, literal
from weft_airflow.mapped_groups import MappedGroups
from weft_airflow.model import RETURN_VALUE, Dag, DagParam, Derived, Group, Mapped, MappedArgument, Output, Task
from weft_airflow.plan import (
    INJECTED,
    KEYWORDS,
    NOT_THERE,
    Plan,
    as_list,
    is_graph_value,
    is_json,
    outputs_in,
    plain_params,
)
from weft_airflow.reach import Reached, templates
from weft_airflow.report import Report
from weft_airflow.scope import SUPPORT, Kept, Module, Scope
from weft_airflow.settings import rule_of


class PythonTasks(MappedGroups):
    """The part of the writer that writes functions. What it shares with the others is set by `DagWriter`."""

    dag: Dag
    scope: Scope
    report: Report
    module: Module
    plans: dict[str, Plan]
    _pushers: set[str]

    def _import(self, text: str) -> None:
        self.scope.put(self.module, text, Kept(0, text, True))

    def _support(self) -> str:
        self.scope._support(self.module)
        return SUPPORT

    def _decorated(self) -> dict[str, str]:
        """Functions that carry a decorator, with the decorator."""
        return self.module.decorated

    def _by_hand(self, plan: Plan, reason: str) -> None:
        raise NotImplementedError

    # Python.

    def _python(self, plan: Plan, kind: str, found: Reached) -> None:
        task = plan.task
        plan.decorator = kind
        if kind == "sensor":
            for name in ("poke_interval", "timeout", "soft_fail"):
                value = task.settings.get(name)
                if value:
                    plan.options[name] = literal(value.total_seconds() if hasattr(value, "total_seconds") else value)
            plan.settings.pop("timeout", None)
        if kind == "short_circuit":
            self._check_short_circuit(task)
        if task.kind in ("virtualenv", "external_python", "branch_virtualenv", "branch_external_python"):
            self._requirements(task)
        function = task.settings.get("python_callable")
        args, kwargs = list(task.settings.get("op_args") or []), dict(task.settings.get("op_kwargs") or {})
        while isinstance(function, functools.partial):
            args, kwargs = [*function.args, *args], {**function.keywords, **kwargs}
            function = function.func
        if task.kind == "asset":
            names = inspect.signature(function).parameters
            kwargs = {name: values.Asset(name) for name in names if name not in ("self", "context")}
            kwargs |= {"self": values.Asset(self.dag.dag_id)} if "self" in names else {}
        if recorder.is_unknown(function) or not callable(function):
            self._by_hand(plan, f"its function can't be known here: {function}")
            return
        given = set(kwargs) | set(list(inspect.signature(function).parameters)[: len(args)])
        for name in inspect.signature(function).parameters:
            if name in NOT_THERE and name not in given:
                self.report.add(*task.where, f"task {task.task_id}: {name} of Airflow's context {NOT_THERE[name]}")
        if not self._direct(plan, function, args, kwargs, found, kind):
            self._wrapped(plan, function, args, kwargs, found)

    def _requirements(self, task: Task) -> None:
        given = task.settings.get("requirements") or []
        names = [given] if isinstance(given, str) else [one for one in given if isinstance(one, str)]
        self.scope.packages.update(one for one in names if re.match(r"^[A-Za-z0-9]", one))
        words = f"its packages ({', '.join(names)}) are packed into the component" if names else "it runs in the component's own interpreter"
        self.report.add(*task.where, f"task {task.task_id}: there are no virtual environments: {words}")

    def _check_short_circuit(self, task: Task) -> None:
        if task.settings.get("ignore_downstream_trigger_rules") is False:
            return
        seen, pending = set(), list(task.downstream_list)
        while pending:
            one = pending.pop()
            if one.task_id in seen:
                continue
            seen.add(one.task_id)
            pending.extend(one.downstream_list)
            if rule_of(one) not in ("all_success", "none_skipped") and one.task_id not in task.downstream_task_ids:
                self.report.add(*task.where, f"task {task.task_id} skips only its direct downstreams: {one.task_id} runs by its trigger rule {rule_of(one)}")

    def _direct(self, plan: Plan, function: Any, args: list[Any], kwargs: dict[str, Any], found: Reached, kind: str) -> bool:
        """Whether the function can be a task as it is; then its arguments are bound."""
        task = plan.task
        if not isinstance(function, types.FunctionType) or function.__name__ == "<lambda>" or self.scope.file_of(function.__code__.co_filename) is None:
            return False
        if found.pushes or found.pulls or found.pulls_any or found.pulls_made or found.context or task.settings.get("_conditions"):
            return False
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            return False
        if task.settings.get("params") or task.settings.get("templates_dict") or kind == "branch" and self._groups(task):
            return False
        parameters = inspect.signature(function).parameters
        for name, one in parameters.items():
            if one.kind not in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY):
                return False
            if name in kwargs or name in (task.mapped.values if task.mapped else {}):
                continue
            if name in CONTEXT_KEYS and (name not in INJECTED or one.default is not None):
                return False
        names = list(parameters)
        if len(args) > len(names):
            return False
        given = {**dict(zip(names, args)), **kwargs}
        if task.mapped is not None and not self._can_map(task.mapped, {name: one for name, one in parameters.items() if name not in given}):
            return False
        if not all(is_graph_value(value) and not templates(value) and not self._odd(task, value) for value in given.values()):
            return False
        if any(name in INJECTED and parameters[name].default is None for name in given):
            return False
        plan.direct = function
        for name, value in given.items():
            plan.bound[name] = self._graph(plan, value)
        if task.mapped is not None:
            sources = {name: self._source(plan, value) for name, value in task.mapped.values.items()}
            if task.mapped.as_kwargs:
                plan.rows = sources["kwargs"]
            else:
                plan.mapped = sources
        return True

    def _odd(self, task: Task, value: Any) -> bool:
        """Whether a value holds an output of a task that pushes, or a key of each output of a list."""
        return any(
            output.operator.task_id in self._pushers or output.key != RETURN_VALUE and self._is_list(output.operator, task)
            for output in outputs_in(value)
        )

    def _can_map(self, mapped: Mapped, free: dict[str, inspect.Parameter]) -> bool:
        """Whether the graph can map a function over it. `free` are the parameters that have no value."""
        if not all(map(self._is_source, mapped.values.values())):
            return False
        if not mapped.as_kwargs:
            return True
        rows = mapped.values["kwargs"]
        free = {name: one for name, one in free.items() if name not in INJECTED or one.default is not None}
        required = {name for name, one in free.items() if one.default is one.empty}
        return bool(free) and not (isinstance(rows, list) and any(not isinstance(row, dict) or not required <= row.keys() <= free.keys() for row in rows))

    def _is_source(self, value: Any) -> bool:
        """Whether the graph can map over it: one output, with the functions of `map`, or a list of constants."""
        while isinstance(value, Derived) and value.how == "map":
            value = value.parts[0]
        if isinstance(value, Output):
            return not isinstance(value, Derived)
        return isinstance(value, list) and is_json(value) and not templates(value)

    def _source(self, plan: Plan, value: Any) -> str:
        """The graph's expression for what a task is mapped over."""
        functions = []
        while isinstance(value, Derived) and value.how == "map":
            functions.append(self.scope.reference(self.module, value.function, plan.task.where[1]))
            value = value.parts[0]
        text = self._elements(plan, value) if isinstance(value, Output) else self._graph(plan, value)
        for function in reversed(functions):
            # A lambda has parentheses of its own.
            text += f".map{function}" if function.startswith("(lambda ") else f".map(\1{function}\1)"
        return text

    def _elements(self, plan: Plan, output: Output) -> str:
        """The graph's expression for an output whose elements instances get."""
        pushes = output.operator.task_id in self._pushers
        if not self._is_list(output.operator, plan.task) or output.key == RETURN_VALUE and not pushes:
            return self._graph(plan, output) + ('["return_value"]' if output.key == RETURN_VALUE and pushes else "")
        # A part of what each instance returned.
        plan.takes.add(output.operator.task_id)
        pushed = '["xcom"]' if pushes and output.key != RETURN_VALUE else ""
        return f"\0{output.operator.task_id}\0.each{pushed}[{literal(output.key)}]"

    def _groups(self, task: Task) -> dict[str, list[str]]:
        """The groups that a branch may choose, with those of its direct downstreams that go on then."""
        found: dict[str, list[str]] = {}
        pending = list(self.dag.task_group.children.values())
        while pending:
            group = pending.pop(0)
            if not isinstance(group, Group):
                continue
            pending.extend(group.children.values())
            roots = group.roots
            chosen = [one.task_id for one in task.downstream_list if any(one is root or self._is_before(root, one) for root in roots)]
            if chosen:
                found[str(group.group_id)] = chosen
        return found

    def _wrapped(self, plan: Plan, function: Any, args: list[Any], kwargs: dict[str, Any], found: Reached) -> None:
        """A function that calls the author's function with the context of Airflow."""
        task, line = plan.task, plan.task.where[1]
        plan.uses_context = True
        name = self.scope.reference(self.module, function, line)
        if name in self._decorated():
            name = f"{name}.function"
        plan_kwargs = {key: self._value(plan, value) for key, value in kwargs.items()}
        plan_args = [self._value(plan, value) for value in args]
        pieces = [name, "context"]
        merged = self._mapped_arguments(plan)
        if merged is None:
            return
        entries = [f"{literal(key)}: {text}" for key, text in plan_kwargs.items()] + merged
        if plan_args or entries:
            pieces.append(f"({', '.join(plan_args)}{',' if len(plan_args) == 1 else ''})")
        if entries:
            pieces.append("{" + ", ".join(entries) + "}")
        pieces += self._common(plan, found)
        extra = task.settings.get("templates_dict")
        if extra:
            pieces.append(f"extra={{'templates_dict': {self._value(plan, extra)}}}")
        if task.settings.get("_conditions"):
            conditions = [f"({self.scope.reference(self.module, one, line)}, {literal(message)}, {wanted})" for one, message, wanted in task.settings["_conditions"]]
            pieces.append(f"conditions=({', '.join(conditions)},)")
        if plan.decorator == "branch" and self._groups(task):
            pieces.append(f"groups={literal(self._groups(task))}")
        plan.text = f"return {self._support()}.call({', '.join(pieces)})"

    def _mapped_arguments(self, plan: Plan, *, whole: bool = False) -> list[str] | None:
        """What a wrapper passes on of what the task is mapped over; `None` where that can't be said.

        With `whole`, an element is a parameter of the wrapper and is not put together.
        """
        mapped = plan.task.mapped
        if mapped is None:
            return []
        entries = []
        for name, value in mapped.values.items():
            functions = []
            while isinstance(value, Derived) and value.how == "map":
                functions.append(self.scope.reference(self.module, value.function, plan.task.where[1]))
                value = value.parts[0]
            zipped = None if whole or len(mapped.values) > 1 else self._zipped(plan, value)
            parameter = self._parameter(plan, "element" if mapped.as_kwargs else name)
            inner = zipped or parameter
            for function in reversed(functions):
                inner = f"{function}({inner})"
            if zipped:
                entries.append(f"**{inner}" if mapped.as_kwargs else f"{literal(name)}: {inner}")
                continue
            if isinstance(value, Derived) or isinstance(value, (list, tuple)) and outputs_in(value):
                self._by_hand(plan, "it is mapped over several outputs together: put them together in a task that returns a list, and map over that")
                return None
            if isinstance(value, dict):
                value = [list(pair) for pair in value.items()]
            if isinstance(value, Output):
                plan.mapped[parameter] = self._source(plan, mapped.values[name]) if whole else self._elements(plan, value)
            elif isinstance(value, DagParam):
                self._by_hand(plan, f"it is mapped over the parameter {value.name}: return the parameter from a task, and map over that")
                return None
            else:
                try:
                    plan.mapped[parameter] = literal(as_list(value))
                except NotLiteral as error:
                    self._by_hand(plan, f"what it is mapped over can't be known here: {error}")
                    return None
            entries.append(f"**{inner}" if mapped.as_kwargs else f"{literal(name)}: {inner}")
        return entries

    def _mapped_operator(self, plan: Plan, fields: dict[str, str | None]) -> dict[str, str] | None:
        """The wrapper's parameters for arguments that an operator is mapped over; `None` where that can't be said.

        `fields` are the arguments that `expand_kwargs` may give, with what they are where it does not.
        """
        mapped = plan.task.mapped
        if mapped is None or not mapped.as_kwargs:
            merged = self._mapped_arguments(plan, whole=True)
            return None if merged is None else dict(zip(mapped.values, plan.mapped)) if mapped else {}
        rows = mapped.values["kwargs"]
        free = {name: default for name, default in fields.items() if plan.task.settings.get(name) is None}
        # The wrapper fills in templates.
        if not self._is_source(rows) and not (isinstance(rows, list) and is_json(rows)):
            self._by_hand(plan, "what it is mapped over is not the output of one task: return a list of dicts from a task, and map over that")
            return None
        others = sorted({str(key) for row in rows if isinstance(row, dict) for key in row} - free.keys()) if isinstance(rows, list) else []
        if others or isinstance(rows, list) and not all(isinstance(row, dict) for row in rows):
            self._by_hand(plan, f"it is mapped over {', '.join(others) or 'what is no dict'}: of the arguments of this operator, {', '.join(free) or 'none'} can be")
            return None
        if any(self._parameter(plan, name) != name for name in free):
            self._by_hand(plan, "it is mapped over arguments whose names the file has for something else: rename that")
            return None
        plan.keywords = free
        plan.rows = self._source(plan, rows)
        return {name: name for name in free}

    def _zipped(self, plan: Plan, value: Any) -> str | None:
        """Maps over outputs of which the elements go together; returns the expression of one tuple of them."""
        if not isinstance(value, Derived) or value.how != "zip" or value.fills:
            return None
        if not all(isinstance(part, Output) and not isinstance(part, Derived) for part in value.parts):
            return None
        parameters = []
        for part in value.parts:
            parameter = self._parameter(plan, part.operator.task_id)
            plan.mapped[parameter] = self._elements(plan, part)
            parameters.append(parameter)
        plan.zipped = True
        self.report.add(*plan.task.where, f"task {plan.task.task_id} is mapped over lists that go together: it fails if they have unlike lengths, where Airflow's stops with the shortest")
        return f"({', '.join(parameters)},)" if len(parameters) == 1 else f"({', '.join(parameters)})"

    def _common(self, plan: Plan, found: Reached) -> list[str]:
        """Keywords that all calls of the support module take."""
        pieces = []
        if plan.task.settings.get("params"):
            pieces.append(f"params={self._value(plan, plain_params(plan.task.settings['params']))}")
        names = list(dict.fromkeys(found.pulls))
        if found.pulls_any:
            names += [name for name in sorted(plan.task.upstream_task_ids) if name not in names]
        if found.pulls_made:
            names += [one.task_id for one in self.dag.tasks if one.task_id not in names and self._is_before(one, plan.task)]
        pulls = []
        for name in names:
            if not self.dag.has_task(name):
                self.report.add(*plan.task.where, f"task {plan.task.task_id} pulls from {name!r}, which is no task of this DAG")
            elif name == plan.task.task_id or not self._is_before(self.dag.get_task(name), plan.task):
                self.report.add(*plan.task.where, f"task {plan.task.task_id} pulls from {name}, which does not run before it")
            else:
                pulls.append(f"{literal(name)}: {self._input(plan, self.dag.get_task(name), RETURN_VALUE, whole=True)}")
        if pulls:
            pieces.append(f"pulls={{{', '.join(pulls)}}}")
        if plan.pushes:
            pieces.append("pushes=True")
        return pieces

    def _is_before(self, earlier: Task, later: Task) -> bool:
        seen: set[str] = set()
        pending = list(later.upstream_list)
        while pending:
            one = pending.pop()
            if one is earlier:
                return True
            if one.task_id not in seen:
                seen.add(one.task_id)
                pending.extend(one.upstream_list)
        return False

    # Values.

    def _parameter(self, plan: Plan, wanted: str) -> str:
        base = re.sub(r"\W", "_", wanted)
        base = base if base.isidentifier() and base != "context" and base not in KEYWORDS else f"value_{base}"
        base = f"{base}_output" if base in self.module.bound else base
        found, number = base, 1
        while found in plan.bound or found in plan.mapped or found in plan.keywords or found in plan.inputs.values() or found in self.module.bound:
            number += 1
            found = f"{base}_{number}"
        return found

    def _input(self, plan: Plan, task: Task, key: str, *, whole: bool = False) -> str:
        """The wrapper's parameter that holds a task's output."""
        pushes = task.task_id in self._pushers
        is_list = self._is_list(task, plan.task)
        wanted = (task.task_id, "" if whole else key)
        if wanted not in plan.inputs:
            parameter = self._parameter(plan, task.task_id if key == RETURN_VALUE else f"{task.task_id}_{key}")
            plan.inputs[wanted] = parameter
            plan.takes.add(task.task_id)
            edge = f"\0{task.task_id}\0"
            if whole or is_list:
                pass
            elif pushes:
                edge += '["return_value"]' if key == RETURN_VALUE else f'["xcom"][{literal(key)}]'
            elif key != RETURN_VALUE:
                edge += f"[{literal(key)}]"
            plan.bound[parameter] = edge
        parameter = plan.inputs[wanted]
        if whole:
            return f"{self._support()}.Pushed({parameter})" if pushes else parameter
        if not is_list or key == RETURN_VALUE and not pushes:
            return parameter
        # A part of each output of the list.
        support = self._support()
        if key == RETURN_VALUE:
            return f'{support}.each({parameter}, "return_value")'
        each = f'{support}.each({parameter}, "xcom")' if pushes else parameter
        return f"{support}.each({each}, {literal(key)})"

    def _value(self, plan: Plan, value: Any) -> str:
        """An expression inside of a wrapper."""

        def other(item: Any) -> str:
            if isinstance(item, MappedArgument):
                return self._element(plan, item)
            if isinstance(item, Derived):
                if item.how == "map" and isinstance(item.parts[0], Output):
                    inner = other(item.parts[0])
                    return f"[{self.scope.reference(self.module, item.function, plan.task.where[1])}(one) for one in {inner}]"
                if item.how == "zip":
                    return f"[list(one) for one in zip({', '.join(map(other, item.parts))})]"
                return f"[one for part in ({', '.join(map(other, item.parts))},) for one in part]"
            if isinstance(item, Output):
                return self._input(plan, item.operator, item.key)
            if isinstance(item, DagParam):
                plan.uses_context = True
                return f"context.params[{literal(item.name)}]"
            if isinstance(item, Task):
                return repr(item.task_id)
            if isinstance(item, values.Param):
                return literal(item.default, other)
            return self.scope.reference(self.module, item, plan.task.where[1])

        text = literal(value, other)
        for used in ("datetime", "pathlib", "re"):
            if f"{used}." in text and not isinstance(value, str):
                self._import(f"import {used}")
        return text

    def _element(self, plan: Plan, item: MappedArgument) -> str:
        """The wrapper's parameter that holds an element of the mapped group's list."""
        key, _, part = item.key.partition("[")
        if ("mapped", key) not in plan.inputs:
            plan.inputs["mapped", key] = parameter = self._parameter(plan, key)
            plan.bound[parameter] = self._element_of_graph(plan, MappedArgument(item.mapped, key))
        parameter = plan.inputs["mapped", key]
        return f"{parameter}[{part}" if part else parameter

    def _graph(self, plan: Plan, value: Any) -> str:
        """An expression of the graph; outputs are marked by their task's id until all tasks have names."""

        def other(item: Any) -> str:
            if isinstance(item, Output) and not isinstance(item, Derived):
                plan.takes.add(item.operator.task_id)
                edge = f"\0{item.operator.task_id}\0"
                if item.key != RETURN_VALUE:
                    pushes = item.operator.task_id in self._pushers
                    edge += f'["xcom"][{literal(item.key)}]' if pushes else f"[{literal(item.key)}]"
                return edge
            if isinstance(item, MappedArgument):
                return self._element_of_graph(plan, item)
            raise NotLiteral(item)

        return literal(value, other)
