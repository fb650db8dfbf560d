"""`@dag`: a function whose calls of tasks make a DAG, and `with DAG(...)` for the same.

A DAG function runs once, when its DAG is described; no task runs then.
Every DAG of a program is known to `registered`, with no list of them anywhere.
"""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from typing import TYPE_CHECKING, Any, Callable

from weft import building, settings
from weft.edge import ParamEdge
from weft.node import Node
from weft.param import Param, declared
from weft.shape import Misfit, Mode, Unsupported, document_schema, shape_of

if TYPE_CHECKING:
    from weft.local.run import Run
    from weft.mapped_group import MappedGroup
    from weft.tasks import TaskFunction

_registry: list[Dag | DagFunction] = []


class Dag:
    """A DAG that is being put together, or is whole."""

    def __init__(
        self,
        dag_id: str,
        description: str | None = None,
        *,
        default_args: dict[str, Any] | None = None,
        params: dict[str, Any] | None = None,
        **given: Any,
    ):
        self.id = dag_id
        if description is not None:
            given["description"] = description
        self.settings = settings.read(_with_zone(given), settings.DAG, f"DAG {dag_id}")
        known = {**settings.TASK, **settings.DAG}
        defaults = {key: value for key, value in (default_args or {}).items() if key in settings.TASK}
        settings.read(
            {k: v for k, v in (default_args or {}).items() if k not in defaults}, known, f"DAG {dag_id}: default_args"
        )
        self._defaults = settings.read(defaults, settings.TASK, f"DAG {dag_id}: default_args")
        self.params: dict[str, Param] = {name: declared(value) for name, value in (params or {}).items()}
        self.nodes: dict[str, Node] = {}
        self.mapped_groups: dict[str, MappedGroup] = {}
        self._groups: set[str] = set()

    @property
    def dag_id(self) -> str:
        return self.id

    def __enter__(self) -> Dag:
        building.begin(self)
        return self

    def __exit__(self, kind: Any, _error: Any, _trace: Any) -> None:
        building.end()
        if kind is None and self not in _registry:
            _registry.append(self)

    def add(self, task: TaskFunction[Any, Any]) -> Node:
        """A new task; a second one of the same function gets a number, as in Airflow."""
        base = building.prefix() + task.id
        node_id, number = base, 0
        while node_id in self.nodes:
            number += 1
            node_id = f"{base}__{number}"
        fields = {**self._defaults, **task.settings}
        for name in settings.OTHER_RUNS:
            if not fields.get(name):
                fields.pop(name, None)
        described = task.function.__doc__
        if described and "description" not in fields:
            fields["description"] = inspect.cleandoc(described)
        node = Node(task, node_id, fields, building.mapped_group())
        self.nodes[node_id] = node
        return node

    def free_group(self, name: str) -> str:
        """A group's name, numbered where it was taken."""
        found, number = name, 0
        while building.prefix() + found in self._groups:
            number += 1
            found = f"{name}__{number}"
        self._groups.add(building.prefix() + found)
        return found

    @property
    def task_ids(self) -> list[str]:
        return list(self.nodes)

    def document(self) -> dict[str, Any]:
        """This DAG's part of the document that `describe` answers with."""
        if not self.nodes:
            raise TypeError(f"DAG {self.id} has no task: call one in its function")
        fields: dict[str, Any] = {"id": self.id, **self.settings}
        if self.params:
            fields["params"] = {name: param.document() for name, param in self.params.items()}
        if self.mapped_groups:
            fields["groups"] = {name: group.document() for name, group in self.mapped_groups.items()}
            self._check_mapped_groups()
        fields["tasks"] = {name: node.document() for name, node in self.nodes.items()}
        return fields

    def _check_mapped_groups(self) -> None:
        """A task is in a mapped group if its id begins with the group's."""
        for name, group in self.mapped_groups.items():
            inside = [node for node in self.nodes.values() if node.id.startswith(f"{name}.")]
            if not inside:
                raise TypeError(f"group {name}: a mapped group has at least one task: call one in its function")
            for node in inside:
                if node.group is not group:
                    raise TypeError(
                        f"task {node.id}: its id says that it is in the mapped group {name}, and it was called outside of "
                        "it; give it another id"
                    )

    def test(self, params: dict[str, Any] | None = None, **options: Any) -> Run:
        """Runs the DAG in this process, one task after the other; see `weft.local.run`."""
        from weft.local.run import run_dag

        return run_dag(self, params or {}, **options)

    def __repr__(self) -> str:
        return f"<DAG {self.id}: {', '.join(self.nodes)}>"


class DagFunction:
    """A function with `@dag`. A call makes the DAG; where none is made, one is with the defaults."""

    def __init__(self, function: Callable[..., Any], given: dict[str, Any], names: dict[str, Any]):
        functools.update_wrapper(self, function)
        self.function = function
        self._given = given
        self._names = names
        self.dags: list[Dag] = []
        _registry.append(self)

    def __call__(self, *args: Any, **keywords: Any) -> Dag:
        given = dict(self._given)
        dag_id = given.pop("dag_id", None) or self.function.__name__
        if not {"description", "doc_md"} & given.keys() and self.function.__doc__:
            given["description"] = inspect.cleandoc(self.function.__doc__)
        dag = Dag(dag_id, given.pop("description", None), **given)
        try:
            values = inspect.signature(self.function).bind_partial(*args, **keywords).arguments
        except TypeError as error:
            raise TypeError(f"DAG {dag_id}: {error}") from None
        edges = {}
        for name, param in self._params(dag_id, values).items():
            dag.params.setdefault(name, param)
            edges[name] = ParamEdge(name, schema=dag.params[name].schema)
        building.begin(dag)
        try:
            self.function(**edges)
        finally:
            building.end()
        self.dags.append(dag)
        return dag

    def _params(self, dag_id: str, values: dict[str, Any]) -> dict[str, Param]:
        """The function's parameters, which are the run's."""
        try:
            hints = typing.get_type_hints(self.function, localns=self._names)
        except NameError:
            hints = {}
        params = {}
        for name, parameter in inspect.signature(self.function).parameters.items():
            value = values.get(name, parameter.default)
            if isinstance(value, Param):
                params[name] = value
                continue
            param = Param() if value is inspect.Parameter.empty else Param(value)
            if name in hints:
                try:
                    # `x: str = None` is written as often as it is wrong.
                    hint = hints[name] if value is not None else typing.Optional[hints[name]]
                    shape = shape_of(hint)
                    if param.has_default:
                        param.default = shape.encode(value, name)
                except (Unsupported, Misfit) as error:
                    raise TypeError(f"DAG {dag_id}: parameter {name}: {error}") from None
                schema = document_schema(shape, Mode.INPUT)
                if schema is not True:
                    param.schema = schema
            params[name] = param
        return params

    def build(self) -> Dag:
        """The DAG that was made last, or one with the defaults."""
        return self.dags[-1] if self.dags else self()

    def test(self, params: dict[str, Any] | None = None, **options: Any) -> Run:
        """Runs the DAG in this process."""
        return self.build().test(params, **options)


class DAG(Dag):
    """Airflow's spelling, for `with DAG("my_dag", schedule="@daily") as dag:`."""


def dag(function: Any = None, /, description: str | None = None, **given: Any) -> Any:
    """Makes a DAG of a function; its parameters are those of a run."""
    names = sys._getframe(1).f_locals
    if isinstance(function, str):
        given["dag_id"], function = function, None
    if description is not None:
        given["description"] = description

    def decorate(inner: Callable[..., Any]) -> DagFunction:
        if not callable(inner):
            raise TypeError(f"@dag goes before a function, not {inner!r}")
        return DagFunction(inner, given, dict(names))

    return decorate if function is None else decorate(function)


def _with_zone(given: dict[str, Any]) -> dict[str, Any]:
    """Airflow's schedule is in the zone of `start_date`, and dates are in that zone too."""
    name = _zone_of(given.get("start_date") or given.get("start"))
    if name is None or "timezone" in given or name in ("UTC", "Etc/UTC"):
        return given
    local = {
        key: value.replace(tzinfo=None)
        for key, value in given.items()
        if key in ("start", "start_date", "end", "end_date") and _zone_of(value) == name
    }
    return {**given, **local, "timezone": name}


def _zone_of(moment: Any) -> str | None:
    """The name of a point in time's zone, where it has one."""
    zone = getattr(moment, "tzinfo", None)
    name = getattr(zone, "key", None) or getattr(zone, "name", None)
    return name if isinstance(name, str) else None


def registered() -> list[Dag]:
    """Every DAG of this program, made where that wasn't done."""
    dags: list[Dag] = []
    for entry in list(_registry):
        if isinstance(entry, Dag):
            dags.append(entry)
        else:
            dags.extend(entry.dags or [entry()])
    return dags


def forget() -> None:
    """Forgets every DAG, so that a test starts from none."""
    _registry.clear()
