"""Writes a Weft project of the DAGs of one file: tasks with their bodies, and the graph.

A task whose function needs nothing of Airflow becomes that function with `@task`. Any other
task becomes a function that calls `airflow_support`, or, where nothing can be carried over, one
that fails and says what to do.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from weft_airflow import recorder
from weft_airflow.literal import literal
from weft_airflow.mapped_groups import GroupPlan
from weft_airflow.model import Dag, Output, Task
from weft_airflow.operator_tasks import OperatorTasks
from weft_airflow.plan import PYTHON, SHOWN_NOT, Plan, functions_of, given_arguments, identifier, is_name
from weft_airflow.reach import Reached, look_at_template, reached, templates
from weft_airflow.report import Report
from weft_airflow.scope import Kept, Scope
from weft_airflow.settings import OTHER_RUNS, of_dag, of_task, params_of, setups_of

_DECORATORS = {"python": "task", "branch": "task.branch", "short_circuit": "task.short_circuit", "sensor": "task.sensor"}


def _parameters(keywords: dict[str, str | None]) -> list[str]:
    """Parameters with their defaults, those without one first."""
    required = [name for name, default in keywords.items() if default is None]
    return required + [f"{name}={default}" for name, default in keywords.items() if default is not None]


def _takes(plans: list[Plan]) -> set[str]:
    """The tasks whose outputs these take, besides their own."""
    return {name for plan in plans for name in plan.takes} - {plan.task.task_id for plan in plans}


class DagWriter(OperatorTasks):
    """Writes one DAG into the main module of a scope."""

    def __init__(self, dag: Dag, scope: Scope, report: Report, airflow_2: bool):
        self.dag, self.scope, self.report, self.airflow_2 = dag, scope, report, airflow_2
        self.module = scope.main
        self.plans: dict[str, Plan] = {}
        self.groups: dict[str, GroupPlan] = {}
        self._vars: set[str] = set()
        self._pushers = {task.task_id for task in dag.tasks if self._reached(task).pushes}

    # What tasks reach.

    def _reached(self, task: Task) -> Reached:
        function = task.settings.get("python_callable")
        while isinstance(function, functools.partial):
            function = function.func
        cls = getattr(task, "operator_class", None)
        maps = [function for value in task.mapped.values.values() for function in functions_of(value)] if task.mapped else []
        found = reached(self.scope, function if function is not None else cls if task.kind.startswith("custom") else None, *maps)
        given = {name: value for name, value in task.settings.items() if name not in ("doc_md", "doc")}
        for text in templates(given) + (templates(task.mapped.values) if task.mapped else []):
            look_at_template(text, found)
        return found

    # The whole.

    def write(self) -> str:
        """Writes all tasks; returns the text of the DAG."""
        for task in self.dag.tasks:
            self.plans[task.task_id] = self._plan(task)
        lines = [f"with DAG({self._arguments()}):"]
        for group, plans in self._in_order():
            if group is None:
                lines += [f"    {plan.var} = {self._with_variables(self._call(plan))}" for plan in plans]
            else:
                lines += [self._with_variables(line) for line in self._group_lines(group, plans)]
        lines.extend(self._edges())
        if len(lines) == 1:
            return ""
        return "\n".join(lines)

    def _arguments(self) -> str:
        given = of_dag(self.dag, self.report, self.airflow_2)
        params = params_of(self.dag, self.report)
        if "on_assets" in given and any("triggering_" in module.source.text for module in self.scope.modules.values()):
            # Bodies read what the run was made of.
            params.setdefault("assets", 'Param({}, type="object")')
        parts = [literal(identifier(self.dag.dag_id))] + [f"{name}={text}" for name, text in given.items()]
        if params:
            self._import("from weft import Param")
            inside = "".join(f"        {literal(name)}: {text},\n" for name, text in params.items())
            parts.append(f"params={{\n{inside}    }}")
        if identifier(self.dag.dag_id) != self.dag.dag_id:
            self.report.add(*self.dag.where, f"the id of DAG {self.dag.dag_id!r} is not one in Weft: it became {identifier(self.dag.dag_id)!r}")
        one_line = ", ".join(parts)
        if len(one_line) < 95 and "\n" not in one_line:
            return one_line
        return "\n" + "".join(f"    {part},\n" for part in parts)

    def _in_order(self) -> list[tuple[GroupPlan | None, list[Plan]]]:
        """Each task after those whose output it takes; the tasks of a mapped group together."""
        units: dict[str, tuple[GroupPlan | None, list[Plan]]] = {}
        for name, plan in self.plans.items():
            group = self._group_of(plan.task)
            units.setdefault(f"group {group.id}" if group else f"task {name}", (group, []))[1].append(plan)
        ordered = self._sorted([(unit, plans) for unit, plans in units.values()])
        # In a mapped group, too.
        return [(group, [plan for _, [plan] in self._sorted([(None, [plan]) for plan in plans])]) for group, plans in ordered]

    def _sorted(self, units: list[tuple[GroupPlan | None, list[Plan]]]) -> list[tuple[GroupPlan | None, list[Plan]]]:
        ids = {plan.task.task_id for _, plans in units for plan in plans}
        done: set[str] = set()
        ordered = []
        left = list(units)
        while left:
            free = next((unit for unit in left if _takes(unit[1]) & ids <= done), None)
            if free is None:
                names = ", ".join(plan.task.task_id for _, plans in left for plan in plans)
                self.report.add(*self.dag.where, f"DAG {self.dag.dag_id}: outputs go in a circle: {names}")
                free = left[0]
                for plan in free[1]:
                    plan.takes.clear()
                    plan.bound.clear()
            left = [unit for unit in left if unit is not free]
            done |= {plan.task.task_id for plan in free[1]}
            ordered.append(free)
        return ordered

    def _call(self, plan: Plan) -> str:
        if plan.mapped:
            partial = f".partial({given_arguments(plan.bound)})" if plan.bound else ""
            call = f"{plan.callee}{partial}.{'zip' if plan.zipped else 'expand'}({given_arguments(plan.mapped)})"
        elif plan.rows:
            partial = f".partial({given_arguments(plan.bound)})" if plan.bound else ""
            call = f"{plan.callee}{partial}.expand_kwargs({plan.rows})"
        else:
            call = f"{plan.callee}({given_arguments(plan.bound)})"
        return call

    def _with_variables(self, text: str) -> str:
        """An expression of the graph, with the variables of tasks and the names of functions in place of marks."""
        text = re.sub("\0(.*?)\0", lambda found: self.plans[found[1]].var, text)
        # A function of `map` may have become a task of its own as well.
        return re.sub("\1(.*?)\1", lambda found: f"{found[1]}.function" if found[1] in self._decorated() else found[1], text)

    def _edges(self) -> list[str]:
        lines = []
        for plan in self.plans.values():
            if plan.setups is not None:
                given = [self.plans[setup.task_id].var for setup in plan.setups]
                if plan.task.on_failure_fail_dagrun is True:
                    given.append("fails_run=True")
                lines.append(f"    {plan.var}.teardown_of({', '.join(given)})")
        for plan in self.plans.values():
            later = [
                self.plans[name] for name in sorted(plan.task.downstream_task_ids)
                if name in self.plans and plan.task.task_id not in self.plans[name].takes
                and plan.task not in (self.plans[name].setups or ())
            ]  # fmt: skip
            if len(later) == 1:
                lines.append(f"    {plan.var} >> {later[0].var}")
            elif later:
                lines.append(f"    {plan.var} >> [{', '.join(one.var for one in later)}]")
        return lines

    # Names.

    def _var(self, task: Task) -> str:
        base = re.sub(r"\W", "_", task.task_id)
        base = base if base[:1].isalpha() or base[:1] == "_" else f"t_{base}"
        found, number = f"{base}_", 1
        while found in self._vars or found in self.module.bound:
            number += 1
            found = f"{base}_{number}_"
        self._vars.add(found)
        return found

    # Tasks.

    def _plan(self, task: Task) -> Plan:
        plan = Plan(task, self._var(task))
        plan.settings = of_task(task, self.report)
        found = self._reached(task)
        plan.pushes = found.pushes
        if found.variables:
            plan.grants["variables"] = sorted(found.variables)
        if found.hosts:
            plan.grants["http"] = sorted(found.hosts)
        for problem in found.problems:
            self.report.add(*problem)
        kind = "python" if task.kind in ("virtualenv", "external_python", "asset") else task.kind
        kind = {"branch_virtualenv": "branch", "branch_external_python": "branch"}.get(kind, kind)
        if getattr(task, "decorated", False) and kind not in PYTHON and kind != "bash":
            self._by_hand(plan, f"@task.{task.kind} has no counterpart in Weft: write what it does as a task in Python")
        elif kind in PYTHON:
            self._python(plan, kind, found)
        else:
            write: Callable[..., None] = getattr(self, f"_{kind}", self._unknown)
            write(plan, found)
        self._check_group(plan)
        self._teardown(plan)
        self._finish(plan)
        return plan

    def _teardown(self, plan: Plan) -> None:
        if not plan.task.is_teardown:
            return
        if plan.decorator not in ("branch", "short_circuit"):
            plan.setups = setups_of(plan.task)
            for name in OTHER_RUNS:
                if plan.settings.pop(name, None):
                    self.report.add(*plan.task.where, f"task {plan.task.task_id} is a teardown, which runs whatever came of other runs: it has no {name}")
            return
        plan.settings["trigger_rule"] = "all_done"
        self.report.add(*plan.task.where, f"task {plan.task.task_id} is a teardown that chooses what runs: it runs when all tasks before it are done, also where its setup failed, and its failure fails the run")

    def _finish(self, plan: Plan) -> None:
        """Names the task function with its settings."""
        settings = {name: literal(value) for name, value in plan.settings.items()}
        if plan.grants:
            settings["grants"] = literal(plan.grants)
        settings = {**plan.options, **settings}
        task_id = identifier(plan.task.task_id)
        if task_id != plan.task.task_id:
            self.report.add(*plan.task.where, f"the id of task {plan.task.task_id!r} is not one in Weft: it became {task_id!r}")
        group = self._group_of(plan.task)
        if group is not None:
            if not task_id.startswith(f"{group.id}."):
                self.report.add(*plan.task.where, f"the id of task {task_id} became {group.id}.{task_id}: those of a mapped group begin with the group's")
            task_id = task_id.removeprefix(f"{group.id}.")
        decorator = _DECORATORS.get(plan.decorator, plan.decorator)
        if plan.direct is not None:
            self._finish_direct(plan, decorator, settings, task_id)
            return
        base = re.sub(r"\W", "_", plan.task.task_id) if is_name(plan.task.task_id) else f"task_{len(self.plans) + 1}"
        name = self.scope.free(self.module, f"{base}_task" if base in self.module.bound else base)
        if name != task_id:
            settings = {"task_id": literal(task_id), **settings}
        signature = ", ".join((["context: Context"] if plan.uses_context else []) + list(plan.bound) + list(plan.mapped) + _parameters(plan.keywords))
        if plan.uses_context:
            self._import("from weft import Context")
        self._import("from weft import task")
        head = f"@{decorator}({given_arguments(settings)})" if settings else f"@{decorator}"
        file, line = plan.task.where
        body = "\n".join(f"    {one}" if one.strip() else one for one in plan.text.splitlines())
        self.module.kept[f"task {self.dag.dag_id} {plan.task.task_id}"] = Kept(
            10**6 + line, f"# {file}:{line}\n{head}\ndef {name}({signature}):\n{body}"
        )
        plan.callee = name

    def _finish_direct(self, plan: Plan, decorator: str, settings: dict[str, str], task_id: str) -> None:
        """The task is the author's function itself."""
        self._import("from weft import task")
        name = self.scope.function(self.module, plan.direct, None)
        kept = self.module.kept.get(name)
        plain = kept is not None and kept.text.startswith(f"def {name}(")
        if plain and f"\n@{decorator}" not in f"\n{kept.text}" and name == plan.direct.__name__ and name not in self._decorated():
            # The first task of a function carries its settings where they are its own.
            self._decorated()[name] = decorator
            kept.text = f"@{decorator}\n{kept.text}"
        if self._decorated().get(name) == decorator:
            changed = ({"task_id": literal(task_id)} if task_id != name else {}) | settings
            plan.callee = f"{name}.override({given_arguments(changed)})" if changed else name
            if plan.options:
                plan.callee = f"{decorator}({given_arguments({'task_id': literal(task_id), **settings})})({name}.function)"
            return
        function = f"{name}.function" if name in self._decorated() else name
        plan.callee = f"{decorator}({given_arguments({'task_id': literal(task_id), **settings})})({function})"

    def _by_hand(self, plan: Plan, reason: str) -> None:
        """A task that fails, and says what to do."""
        file, line = plan.task.where
        self.report.add(file, line, f"task {plan.task.task_id}: {reason}")
        self._import("from weft import Fail")
        shown = []
        for name, value in {**plan.task.settings, **(plan.task.mapped.values if plan.task.mapped else {})}.items():
            if name in SHOWN_NOT or value is None:
                continue
            text = str(value) if isinstance(value, (str, Output)) or recorder.is_unknown(value) else repr(value)
            shown += [f"# {name}: {part}" for part in text.strip().splitlines()[:20]]
        plan.text = "\n".join([*shown, f"raise Fail({literal(f'{file}:{line}: {reason}')})"])
        plan.decorator = "task"
