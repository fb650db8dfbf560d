"""The recording stand-in of Airflow's graph: DAGs, tasks, groups, outputs and edges.

What a DAG file says is kept, and nothing runs. Ids, groups, edges and their order follow
Airflow's own rules, so that factories, loops and helpers give the graph that Airflow sees.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

from weft_airflow import recorder
from weft_airflow.edges import DagError, Dependency, Label, chain, chain_linear, cross_downstream, listed

RETURN_VALUE = "return_value"


class Context:
    """Which DAGs and groups are open, and which DAGs were closed or made by their function."""

    dags: list[Dag] = []
    groups: list[Group] = []
    registered: list[Dag] = []

    @classmethod
    def reset(cls) -> None:
        cls.dags, cls.groups, cls.registered = [], [], []

    @classmethod
    def dag(cls) -> Dag | None:
        return cls.dags[-1] if cls.dags else None

    @classmethod
    def group(cls, dag: Dag | None) -> Group | None:
        if cls.groups:
            return cls.groups[-1]
        dag = dag or cls.dag()
        return dag.task_group if dag else None


class Dag:
    """A DAG, with what its constructor was given."""

    def __init__(self, dag_id: str = "", description: str | None = None, schedule: Any = None, *args: Any, **given: Any):
        if args:
            # Airflow 2 takes the start date and the end date by position too.
            given.update(zip(("start_date", "end_date"), args))
        self.dag_id = dag_id
        self.description = description
        for name in ("schedule_interval", "timetable"):
            if name in given:
                schedule = given.pop(name) if schedule is None else (given.pop(name), schedule)[1]
        self.schedule = schedule
        self.default_args: dict[str, Any] = dict(given.pop("default_args", None) or {})
        self.given = given
        self.params: dict[str, Any] = dict(given.pop("params", None) or {})
        self.doc_md = given.get("doc_md")
        self.tasks_by_id: dict[str, Task] = {}
        self.used_group_ids: set[Any] = set()
        self.where = recorder.here()
        self.task_group = Group._root(self)
        self.params.update(self.default_args.get("params") or {})

    def __enter__(self) -> Dag:
        Context.dags.append(self)
        return self

    def __exit__(self, kind: Any, _error: Any, _trace: Any) -> None:
        Context.dags.pop()
        if kind is None and self not in Context.registered and self.given.get("auto_register", True):
            Context.registered.append(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        given = self.__dict__.get("given", {})
        if name in given:
            return given[name]
        return recorder.Recorder(f"dag.{name}")

    @property
    def tasks(self) -> list[Task]:
        return list(self.tasks_by_id.values())

    @property
    def task_ids(self) -> list[str]:
        return list(self.tasks_by_id)

    @property
    def task_dict(self) -> dict[str, Task]:
        return self.tasks_by_id

    @property
    def roots(self) -> list[Task]:
        return [task for task in self.tasks if not task.upstream_task_ids]

    @property
    def leaves(self) -> list[Task]:
        return [task for task in self.tasks if not task.downstream_task_ids]

    def get_task(self, task_id: str) -> Task:
        return self.tasks_by_id[task_id]

    def has_task(self, task_id: str) -> bool:
        return task_id in self.tasks_by_id

    def add_task(self, task: Task) -> None:
        found = self.tasks_by_id.get(task.task_id)
        if found is not None and found is not task:
            raise DagError(f"two tasks of DAG {self.dag_id} have the id {task.task_id!r}")
        self.tasks_by_id[task.task_id] = task
        task.dag = self
        if task.task_group is None:
            self.task_group.add(task)

    def param(self, name: str, default: Any = None) -> DagParam:
        return DagParam(self, name, default)

    def test(self, *_args: Any, **_keywords: Any) -> None: ...

    cli = clear = run = test


class Group(Dependency):
    """A task group. `given` is what it was called with."""

    def __init__(
        self,
        group_id: str | None = None,
        prefix_group_id: bool = True,
        parent_group: Group | None = None,
        dag: Dag | None = None,
        default_args: dict[str, Any] | None = None,
        add_suffix_on_collision: bool = False,
        mapped: Mapped | None = None,
        **given: Any,
    ):
        self._id = group_id
        self.prefix_group_id = prefix_group_id
        self.given = given
        self.children: dict[str, Any] = {}
        self.upstream_task_ids: set[str] = set()
        self.downstream_task_ids: set[str] = set()
        self.upstream_group_ids: set[Any] = set()
        self.downstream_group_ids: set[Any] = set()
        self.mapped = mapped
        self.tooltip = given.get("tooltip", "")
        self.where = recorder.here()
        self.parent_group = parent_group or (None if group_id is None else Context.group(dag))
        self.dag = dag or (self.parent_group.dag if self.parent_group else Context.dag())
        if self.dag is None:
            raise DagError(f"group {group_id!r} is in no DAG")
        if group_id is not None and self.parent_group is None:
            self.parent_group = self.dag.task_group
        used = self.dag.used_group_ids
        if group_id is not None and self.group_id in used:
            if not add_suffix_on_collision:
                raise DagError(f"two groups of DAG {self.dag.dag_id} have the id {group_id!r}")
            base = re.split(r"__\d+$", group_id)[0]
            numbers = [
                int(found.rpartition("__")[2]) for found in used if re.match(rf"^{re.escape(base)}__\d+$", str(found))
            ]
            self._id = f"{base}__{max(numbers) + 1}" if numbers else f"{group_id}__1"
        self.default_args: dict[str, Any] = copy.copy(default_args or {})
        if self.parent_group is not None:
            self.parent_group.children[str(self.group_id)] = self
            self.default_args = {**self.parent_group.default_args, **self.default_args}
        if self._id:
            used.update((self.group_id, f"{self.group_id}.downstream_join_id", f"{self.group_id}.upstream_join_id"))

    @classmethod
    def _root(cls, dag: Dag) -> Group:
        return cls(None, dag=dag)

    @property
    def is_root(self) -> bool:
        return not self._id

    @property
    def group_id(self) -> str | None:
        parent = self.parent_group
        if self._id and parent and parent.prefix_group_id and parent._id:
            return parent.child_id(self._id)
        return self._id

    node_id = group_id

    @property
    def task_group(self) -> Group | None:
        return self.parent_group

    def child_id(self, label: str) -> str:
        return f"{self.group_id}.{label}" if self.prefix_group_id and self.group_id else label

    def add(self, task: Any) -> Any:
        if isinstance(task, Group):
            return task
        before = task.task_group
        if before is not None and before is not self:
            before.children.pop(task.task_id, None)
        task.task_group = self
        key = task.task_id
        if self.children.get(key, task) is not task:
            raise DagError(f"two tasks of DAG {self.dag.dag_id} have the id {key!r}")
        self.children[key] = task
        return task

    def __enter__(self) -> Group:
        Context.groups.append(self)
        return self

    def __exit__(self, *_error: object) -> None:
        if self.mapped is not None:
            for task, _key in references(list(self.mapped.values.values())):
                self.set_upstream(task)
        Context.groups.pop()

    def __iter__(self) -> Iterator[Task]:
        for child in self.children.values():
            if isinstance(child, Group):
                yield from child
            else:
                yield child

    def get_child_by_label(self, label: str) -> Any:
        return self.children[self.child_id(label)]

    def has_task(self, task: Task) -> bool:
        return any(task is inside for inside in self)

    @property
    def roots(self) -> list[Task]:
        return list(self.get_roots())

    @property
    def leaves(self) -> list[Task]:
        return list(self.get_leaves())

    def get_roots(self) -> Iterator[Task]:
        ids = {task.task_id for task in self}
        for task in list(self):
            if task.upstream_task_ids.isdisjoint(ids):
                yield task

    def get_leaves(self) -> Iterator[Task]:
        tasks = list(self)
        ids = {task.task_id for task in tasks}

        def goes_on(task: Task, exclude: str) -> bool:
            return any(
                later.task_id != exclude and later.task_id in ids and not later.is_teardown
                for later in task.downstream_list
            )

        def before_teardown(task: Task) -> Iterator[Task]:
            for earlier in task.upstream_list:
                if earlier.task_id not in ids:
                    continue
                if earlier.is_teardown:
                    yield from before_teardown(earlier)
                elif task.is_teardown and earlier.is_setup:
                    continue
                elif not goes_on(earlier, task.task_id):
                    yield earlier

        for task in tasks:
            if task.downstream_task_ids.isdisjoint(ids):
                if task.is_teardown:
                    yield from before_teardown(task)
                else:
                    yield task

    def update_relative(self, other: Any, upstream: bool = True) -> None:
        if isinstance(other, Group):
            later, earlier = (self, other) if upstream else (other, self)
            later.upstream_group_ids.add(earlier.group_id)
            earlier.downstream_group_ids.add(later.group_id)
            return
        for task in other.roots:
            (self.upstream_task_ids if upstream else self.downstream_task_ids).add(task.node_id)

    def set_upstream(self, other: Any, edge_modifier: Any = None) -> None:
        others = listed(other)
        for one in others:
            one.update_relative(self, False) if isinstance(one, Label) else self.update_relative(one, True)
        for task in list(self.get_roots()):
            task.set_upstream(others)

    def set_downstream(self, other: Any, edge_modifier: Any = None) -> None:
        others = listed(other)
        leaves = self._leaves_or_before()
        for one in others:
            one.update_relative(self, True) if isinstance(one, Label) else self.update_relative(one, False)
        for task in leaves:
            task.set_downstream([one for one in others if not isinstance(one, Label)])

    def _leaves_or_before(self) -> list[Task]:
        """The last tasks; of an empty group the tasks before it."""
        group: Group | None = self
        while group is not None:
            leaves = group.leaves
            if leaves:
                return leaves
            if group.upstream_task_ids:
                assert self.dag is not None
                return [self.dag.get_task(name) for name in sorted(group.upstream_task_ids)]
            group = group.parent_group
        return []


class Task(Dependency):
    """A task of any kind. Operators derive from it; see `weft_airflow.operators`."""

    #: What kind of task the report and the writer call it.
    kind = "operator"
    template_fields: Sequence[str] = ()
    #: Whether it was made by `@task`.
    decorated = False
    is_setup = False
    is_teardown = False
    on_failure_fail_dagrun = False
    task_group: Group | None = None
    dag: Dag | None = None
    mapped: Mapped | None = None

    def _enter(self, task_id: str, dag: Dag | None, group: Group | None, settings: dict[str, Any]) -> None:
        """Takes its place in DAG and group."""
        fields = self.__dict__
        fields["_label"] = task_id
        fields["settings"] = settings
        fields["upstream_task_ids"] = set()
        fields["downstream_task_ids"] = set()
        fields["where"] = recorder.here()
        dag = dag or Context.dag()
        group = group or Context.group(dag)
        if group is not None:
            fields["task_group"] = None
            fields["_id"] = group.child_id(task_id)
            if dag is not None and dag.has_task(self._id) and dag.get_task(self._id) is not self:
                raise DagError(f"two tasks of DAG {dag.dag_id} have the id {self._id!r}")
            group.add(self)
        else:
            fields["_id"] = task_id
        if dag is not None:
            dag.add_task(self)
        from weft_airflow import setup_teardown

        if setup_teardown.Scope.active:
            setup_teardown.Scope.add(self)

    @property
    def task_id(self) -> str:
        return self._id

    node_id = task_id

    @property
    def label(self) -> str:
        return self._label

    @property
    def dag_id(self) -> str:
        return self.dag.dag_id if self.dag else ""

    def has_dag(self) -> bool:
        return self.dag is not None

    @property
    def output(self) -> Output:
        return Output(self)

    @property
    def operator(self) -> Task:
        return self

    @property
    def roots(self) -> list[Task]:
        return [self]

    @property
    def leaves(self) -> list[Task]:
        return [self]

    @property
    def upstream_list(self) -> list[Task]:
        return [self.dag.get_task(name) for name in sorted(self.upstream_task_ids)] if self.dag else []

    @property
    def downstream_list(self) -> list[Task]:
        return [self.dag.get_task(name) for name in sorted(self.downstream_task_ids)] if self.dag else []

    def set_upstream(self, other: Any, edge_modifier: Any = None) -> None:
        self._relate(other, True)

    def set_downstream(self, other: Any, edge_modifier: Any = None) -> None:
        self._relate(other, False)

    def _relate(self, other: Any, upstream: bool) -> None:
        others: list[Task] = []
        for one in listed(other):
            one.update_relative(self, not upstream)
            others.extend(one.leaves if upstream else one.roots)
        for task in others:
            dag = self.dag or task.dag
            if dag is None:
                raise DagError(f"{self._id} and {task.task_id} are in no DAG")
            if task.dag is not None and self.dag is not None and task.dag is not self.dag:
                raise DagError(f"{self._id} and {task.task_id} are in two DAGs: {self.dag_id} and {task.dag_id}")
            for side in (self, task):
                if side.dag is None:
                    dag.add_task(side)
            earlier, later = (task, self) if upstream else (self, task)
            earlier.downstream_task_ids.add(later.task_id)
            later.upstream_task_ids.add(earlier.task_id)

    def follow(self, value: Any) -> None:
        """An edge from each task whose output is anywhere in the value."""
        for task, _key in references(value):
            self.set_upstream(task)

    def as_setup(self) -> Task:
        self.is_setup = True
        return self

    def as_teardown(self, *, setups: Any = None, on_failure_fail_dagrun: bool | None = None) -> Task:
        self.is_teardown = True
        self.settings["trigger_rule"] = "all_done_setup_success"
        if on_failure_fail_dagrun is not None:
            self.on_failure_fail_dagrun = on_failure_fail_dagrun
        for setup in listed(setups) if setups is not None else ():
            setup.is_setup = True
            setup >> self
        return self

    def __enter__(self) -> Any:
        from weft_airflow import setup_teardown

        return setup_teardown.Scope.enter([self])

    def __exit__(self, *_error: object) -> None:
        from weft_airflow import setup_teardown

        setup_teardown.Scope.leave()

    def __repr__(self) -> str:
        return f"<Task({type(self).__name__}): {self.__dict__.get('_id')}>"


class Output(Dependency):
    """Airflow's `XComArg`: the output of a task that is known when the DAG runs."""

    def __new__(cls, *args: Any, **keywords: Any) -> Any:
        return object.__new__(cls)

    def __init__(self, operator: Task, key: str = RETURN_VALUE):
        self.operator = getattr(operator, "operator", operator)
        self.key = key

    def __getitem__(self, key: str) -> Output:
        if not isinstance(key, str):
            raise DagError(f"an output's parts are named by text, not by {key!r}")
        return Output(self.operator, key)

    def __iter__(self) -> Any:
        raise TypeError("'XComArg' object is not iterable")

    @property
    def task_id(self) -> str:
        return self.operator.task_id

    def items(self) -> Iterator[tuple[Task, str]]:
        """The tasks that it refers to, with keys."""
        yield self.operator, self.key

    @property
    def roots(self) -> list[Task]:
        return [task for task, _ in self.items()]

    leaves = roots

    def set_upstream(self, other: Any, edge_modifier: Any = None) -> None:
        for task, _ in self.items():
            task.set_upstream(other)

    def set_downstream(self, other: Any, edge_modifier: Any = None) -> None:
        for task, _ in self.items():
            task.set_downstream(other)

    def map(self, function: Any) -> Derived:
        return Derived("map", [self], function=function)

    def zip(self, *others: Any, fillvalue: Any = ...) -> Derived:
        return Derived("zip", [self, *others], fills=fillvalue is not ...)

    def concat(self, *others: Any) -> Derived:
        return Derived("concat", [self, *others])

    @property
    def is_setup(self) -> bool:
        return self.operator.is_setup

    @is_setup.setter
    def is_setup(self, value: bool) -> None:
        self.operator.is_setup = value

    @property
    def is_teardown(self) -> bool:
        return self.operator.is_teardown

    @is_teardown.setter
    def is_teardown(self, value: bool) -> None:
        self.operator.is_teardown = value

    def as_setup(self) -> Output:
        self.operator.as_setup()
        return self

    def as_teardown(self, **given: Any) -> Output:
        self.operator.as_teardown(**given)
        return self

    def __enter__(self) -> Any:
        return self.operator.__enter__()

    def __exit__(self, *error: object) -> None:
        self.operator.__exit__(*error)

    def __str__(self) -> str:
        """The template that Airflow makes of an output in a text."""
        pull = f"task_ids='{self.operator.task_id}', dag_id='{self.operator.dag_id}', key='{self.key}'"
        return f"{{{{ task_instance.xcom_pull({pull}) }}}}"


class Derived(Output):
    """`.map`, `.zip` and `.concat` of outputs."""

    def __init__(self, how: str, parts: list[Any], function: Any = None, fills: bool = False):
        self.how = how
        self.parts = parts
        self.function = function
        #: Of a zip, whether shorter lists are filled.
        self.fills = fills
        self.key = RETURN_VALUE
        first = next(iter(references(parts)), None)
        self.operator = first[0] if first else None  # type: ignore[assignment]

    def items(self) -> Iterator[tuple[Task, str]]:
        yield from references(self.parts)


class DagParam:
    """A parameter of a DAG's function, or `dag.param(...)`."""

    def __init__(self, dag: Dag, name: str, default: Any = None):
        self.name = name
        dag.params.setdefault(name, default)

    def __str__(self) -> str:
        return f"{{{{ params.{self.name} }}}}"


class Mapped:
    """What a task or group is mapped over: lists by parameter, or one list of dicts under `kwargs`.

    `names` are the parameters of a group that dicts are taken apart for.
    """

    def __init__(self, values: dict[str, Any], as_kwargs: bool = False, names: Sequence[str] = ()):
        self.values = values
        self.as_kwargs = as_kwargs
        self.names = list(names)


class MappedArgument:
    """A parameter of a mapped group's function: one element of what the group is mapped over."""

    def __init__(self, mapped: Mapped, key: str):
        self.mapped = mapped
        self.key = key

    def items(self) -> Iterator[tuple[Task, str]]:
        yield from references(list(self.mapped.values.values()))

    def __getitem__(self, key: Any) -> MappedArgument:
        return MappedArgument(self.mapped, f"{self.key}[{key!r}]")

    def __iter__(self) -> Any:
        raise TypeError("'MappedArgument' object is not iterable")


def references(value: Any) -> Iterator[tuple[Task, str]]:
    """Every task whose output is somewhere in a value."""
    if isinstance(value, (Output, MappedArgument)):
        yield from value.items()
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, Task):
        for name in value.template_fields:
            yield from references(getattr(value, name, None))


def unique_task_id(task_id: str, dag: Dag | None, group: Group | None) -> str:
    """An id that is not taken: Airflow numbers the tasks of one function."""
    dag = dag or Context.dag()
    if dag is None:
        return task_id
    group = group or Context.group(dag)
    whole = group.child_id(task_id) if group else task_id
    if not dag.has_task(whole):
        return task_id
    prefix = re.split(r"__\d+$", whole)[0]
    numbers = [
        int(found[len(prefix) + 2 :]) for found in dag.task_ids if re.match(rf"^{re.escape(prefix)}__\d+$", found)
    ]
    base = re.split(r"__\d+$", task_id)[0]
    return f"{base}__{max([0, *numbers]) + 1}"


def parameters_of(function: Any) -> dict[str, inspect.Parameter]:
    """A function's parameters by name; none where they can't be known."""
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}


__all__ = [
    "RETURN_VALUE", "Context", "Dag", "DagError", "DagParam", "Dependency", "Derived", "Group", "Label", "Mapped",
    "MappedArgument", "Output", "Task", "chain", "chain_linear", "cross_downstream", "listed", "parameters_of",
    "references", "unique_task_id",
]  # fmt: skip
