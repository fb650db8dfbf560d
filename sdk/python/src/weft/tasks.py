"""`@task`: a function as a task.

Outside of a DAG a task is the plain function that it was. Inside of one a
call adds a task to the DAG and returns the placeholder for its output.
"""

from __future__ import annotations

import functools
import inspect
import sys
from dataclasses import dataclass
from typing import Any, Callable, Generic, ParamSpec, TypeVar, cast, overload

from weft import settings
from weft.building import current, mapped_group
from weft.edge import Edge
from weft.node import Node
from weft.shape import Anything, Shape
from weft.signature import Signature, read

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Kind:
    """How a task's return value is used."""

    name: str
    branches: bool = False


PLAIN = Kind("task")
#: Returns the ids of those downstreams that go on.
BRANCH = Kind("branch", branches=True)
#: Returns whether its downstreams go on.
SHORT_CIRCUIT = Kind("short_circuit", branches=True)
#: Returns whether what it waits for is there.
SENSOR = Kind("sensor")


@dataclass(frozen=True)
class Poll:
    """How a sensor waits."""

    interval: float = 60.0
    timeout: float = 7 * 24 * 3600.0
    soft_fail: bool = False


class TaskFunction(Generic[P, R]):
    """A function with `@task`."""

    def __init__(
        self,
        function: Callable[P, R],
        kind: Kind = PLAIN,
        given: dict[str, Any] | None = None,
        names: dict[str, Any] | None = None,
        poll: Poll | None = None,
    ):
        functools.update_wrapper(self, function)
        self.function = function
        self.kind = kind
        self.given = dict(given or {})
        self.poll = poll
        self._names = names or {}
        self.id = str(self.given.pop("task_id", function.__name__))
        self.retries_given = "retries" in self.given
        self.settings = settings.read(self.given, settings.TASK, f"task {self.id}")

    @functools.cached_property
    def signature(self) -> Signature:
        return read(self.function, self._names)

    @property
    def output_shape(self) -> Shape:
        """The output's shape in the DAG; a choice or a verdict is no output."""
        return self.signature.output if self.kind is PLAIN else Anything()

    def __call__(self, *args: P.args, **keywords: P.kwargs) -> R:
        dag = current()
        if dag is None:
            return self.function(*args, **keywords)
        # To a type checker, an edge has the type of the output.
        return cast(R, self._call(dag, {}, args, keywords, {}))

    def override(self, **given: Any) -> TaskFunction[P, R]:
        """The same task with other settings, and another id with `task_id`."""
        base = {**self.given, "task_id": self.id}
        return TaskFunction(self.function, self.kind, {**base, **given}, self._names, self.poll)

    def partial(self, **keywords: Any) -> Partial:
        """Binds some parameters; `expand`, `zip` and `expand_kwargs` map over others."""
        return Partial(self, keywords)

    def expand(self, **keywords: Any) -> Any:
        """One instance for each element; of several lists one for each combination."""
        return Partial(self, {}).expand(**keywords)

    def zip(self, **keywords: Any) -> Any:
        """One instance for each position: the elements at the same position of all lists go together.

        Lists of unlike length fail the task.
        """
        return Partial(self, {}).zip(**keywords)

    def expand_kwargs(self, rows: Any, *, strict: bool = True) -> Any:
        """One instance for each element of a list of dicts, whose keys are the names of parameters.

        A parameter with a default may be left out of an element. `strict` is Airflow's and has no effect.
        """
        return Partial(self, {}).expand_kwargs(rows, strict=strict)

    def _call(
        self, dag: Any, bound: dict[str, Any], args: Any, keywords: Any, mapped: dict[str, Any], zipped: bool = False
    ) -> Edge:
        values = self._values(bound, args, keywords)
        node = self._add(dag, values, list(mapped))
        for name, value in mapped.items():
            node.map_over(name, value)
        if zipped:
            node.zip_lists()
        return Edge(node)

    def _call_with_rows(self, dag: Any, bound: dict[str, Any], rows: Any) -> Edge:
        values = self._values(bound, (), {})
        names = [name for name in self.signature.parameters if name not in values]
        if not names:
            more = "; **kwargs gets Airflow's context: name the parameters" if self.signature.everything else ""
            raise TypeError(f"task {self.id}: expand_kwargs has no parameter left to map over{more}")
        node = self._add(dag, values, names)
        node.map_over_keywords(names, rows)
        return Edge(node)

    def _values(self, bound: dict[str, Any], args: Any, keywords: Any) -> dict[str, Any]:
        """The arguments of a call, by parameter."""
        try:
            values = self.signature.plain.bind_partial(*args, **bound, **keywords).arguments
        except TypeError as error:
            raise TypeError(f"task {self.id}: {error}") from None
        for kind in ("VAR_KEYWORD",):
            for name, parameter in self.signature.plain.parameters.items():
                if parameter.kind.name == kind:
                    values.update(values.pop(name, {}))
        return values

    def _add(self, dag: Any, values: dict[str, Any], mapped: list[str]) -> Node:
        """A new task of the DAG, with these values bound; the parameters of `mapped` are bound later."""
        for name in [*values, *mapped]:
            if name not in self.signature.parameters:
                raise TypeError(f"task {self.id} has no input {name!r}")
        for name, parameter in self.signature.parameters.items():
            if parameter.required and name not in values and name not in mapped:
                raise TypeError(f"task {self.id}: input {name!r} is missing")
        if mapped and self.kind.branches:
            raise TypeError(f"task {self.id}: a task that branches can't be mapped")
        if (group := mapped_group()) is not None:
            self._check_in_group(group.id, bool(mapped))
        node = dag.add(self)
        for name, value in values.items():
            node.bind(name, value)
        return node

    def _check_in_group(self, group: str, is_mapped: bool) -> None:
        """What a task of a mapped group can't be."""
        if is_mapped:
            raise TypeError(
                f"task {self.id}: a task of the mapped group {group} can't be mapped itself; "
                "move it out of the group, or let it call another DAG for each element of its list"
            )
        if self.kind.branches:
            raise TypeError(
                f"task {self.id}: a task of the mapped group {group} can't choose what runs; "
                "raise Skip in the tasks that are not to run"
            )

    def __repr__(self) -> str:
        return f"<{self.kind.name} {self.id}>"


class Partial:
    """A task with some of its parameters bound."""

    def __init__(self, task: TaskFunction[Any, Any], bound: dict[str, Any]):
        self._task = task
        self._bound = bound

    def expand(self, **keywords: Any) -> Edge:
        return self._map("expand", keywords)

    def zip(self, **keywords: Any) -> Edge:
        return self._map("zip", keywords)

    def _map(self, method: str, keywords: dict[str, Any]) -> Edge:
        dag = self._dag(method)
        if not keywords:
            raise TypeError(f"task {self._task.id}: {method} needs something to map over")
        return self._task._call(dag, self._bound, (), {}, keywords, zipped=method == "zip")

    def _dag(self, method: str) -> Any:
        dag = current()
        if dag is None:
            raise TypeError(f"task {self._task.id}: {method} maps a task of a DAG; call it inside of a @dag function")
        return dag

    def expand_kwargs(self, rows: Any, *, strict: bool = True) -> Edge:
        dag = self._dag("expand_kwargs")
        return self._task._call_with_rows(dag, self._bound, rows)


class TaskDecorator:
    """`@task`, with and without settings, and its kinds: `@task.branch`, ..."""

    @overload
    def __call__(self, function: Callable[P, R], /) -> TaskFunction[P, R]: ...

    @overload
    def __call__(self, /, **given: Any) -> Callable[[Callable[P, R]], TaskFunction[P, R]]: ...

    def __call__(self, function: Any = None, /, **given: Any) -> Any:
        return _decorated(function, PLAIN, given)

    def branch(self, function: Any = None, /, **given: Any) -> Any:
        """A task that returns the id, or the ids, of the direct downstreams that go on."""
        return _decorated(function, BRANCH, given)

    def short_circuit(self, function: Any = None, /, **given: Any) -> Any:
        """A task that returns whether its downstreams go on."""
        if not given.pop("ignore_downstream_trigger_rules", True):
            raise TypeError("ignore_downstream_trigger_rules=False is how it always is: leave it out")
        return _decorated(function, SHORT_CIRCUIT, given)

    def sensor(self, function: Any = None, /, **given: Any) -> Any:
        """A task that returns whether what it waits for is there, and is asked
        again each `poke_interval`, without holding a worker in between."""
        poll = Poll(
            interval=_seconds(given.pop("poke_interval", Poll.interval)),
            timeout=_seconds(given.pop("timeout", Poll.timeout)),
            soft_fail=bool(given.pop("soft_fail", False)),
        )
        for name in ("mode", "exponential_backoff", "max_wait", "silent_fail"):
            given.pop(name, None)
        return _decorated(function, SENSOR, given, poll)

    def __getattr__(self, name: str) -> Any:
        if name in ("virtualenv", "external_python", "docker", "kubernetes", "pyspark", "bash"):
            raise AttributeError(
                f"there is no @task.{name}: a task's packages are inside of its component, and it starts no other "
                "programs; use @task, and requirements.txt"
            )
        raise AttributeError(f"there is no @task.{name}")


def _decorated(function: Any, kind: Kind, given: dict[str, Any], poll: Poll | None = None) -> Any:
    # Annotations may name types of the enclosing function.
    frame = sys._getframe(2)
    names = frame.f_locals if frame.f_code.co_name != "<module>" else {}

    def decorate(inner: Callable[..., Any]) -> TaskFunction[Any, Any]:
        if not callable(inner) or isinstance(inner, type):
            raise TypeError(f"@task goes before a function, not {inner!r}")
        if inspect.iscoroutinefunction(inner) or inspect.isgeneratorfunction(inner):
            raise TypeError(f"task {inner.__name__}: a task is a plain function; call asyncio.run(...) inside of it")
        if "python_callable" in given:
            raise TypeError("@task takes no python_callable")
        return TaskFunction(inner, kind, given, dict(names), poll)

    return decorate if function is None else decorate(function)


def _seconds(value: Any) -> float:
    return float(value.total_seconds()) if hasattr(value, "total_seconds") else float(value)


task = TaskDecorator()
