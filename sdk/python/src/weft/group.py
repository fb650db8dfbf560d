"""Task groups: a common prefix of ids, and a common position in the order. `expand` maps a group."""

from __future__ import annotations

import functools
import inspect
import sys
from typing import Any, Callable

from weft import building
from weft.edge import Edge, Ordered, Source, Value
from weft.elements import Elements
from weft.mapped_group import Element, MappedGroup
from weft.node import Node, has_edges
from weft.shape import Anything, Shape, Unsupported, shape_of
from weft.signature import hints_of

#: The name of the list that `expand_kwargs` maps a group over.
ROW = "row"


class TaskGroup(Ordered):
    """`with TaskGroup("load"): ...`; its tasks are called `load.<id>`."""

    def __init__(self, group_id: str, prefix_group_id: bool = True, tooltip: str = "", **_shown: Any):
        self.id = group_id
        #: What it is mapped over, if it is.
        self.mapped: MappedGroup | None = None
        self._prefixed = prefix_group_id
        self._nodes: list[Node] = []
        self._before = 0

    def __enter__(self) -> TaskGroup:
        dag = building.current()
        if dag is None:
            raise TypeError(f"group {self.id}: a group is a part of a DAG; open it inside of a @dag function")
        self._before = len(dag.nodes)
        if self._prefixed:
            building.open_group(self.id)
        if self.mapped is not None:
            building.open_mapped_group(self.mapped)
        return self

    def __exit__(self, *_error: Any) -> None:
        if self.mapped is not None:
            building.close_mapped_group()
        if self._prefixed:
            building.close_group()
        dag = building.current()
        assert dag is not None, "it was there when the group was opened"
        self._nodes = list(dag.nodes.values())[self._before :]

    def first_nodes(self) -> list[Node]:
        inside = {node.id for node in self._nodes}
        return [node for node in self._nodes if not any(other.id in inside for other in node.upstream)]

    def last_nodes(self) -> list[Node]:
        # What comes after a group doesn't wait for its teardowns, as in Airflow.
        lasting = [node for node in self._nodes if node.setups is None] or self._nodes
        inside = {node.id for node in lasting}
        return [node for node in lasting if not any(name in inside for name in node.downstream)]


class _Result(Edge):
    """The return value of a group's function, which represents the whole group in the order."""

    def __init__(self, edge: Edge, group: TaskGroup):
        super().__init__(edge.node, edge.pointer, edge.is_of_instance)
        self._group = group

    def first_nodes(self) -> list[Node]:
        return self._group.first_nodes()

    def last_nodes(self) -> list[Node]:
        return self._group.last_nodes()


class GroupFunction:
    """A function with `@task_group`."""

    def __init__(self, function: Callable[..., Any], given: dict[str, Any], names: dict[str, Any]):
        functools.update_wrapper(self, function)
        self.function = function
        self.id = given.get("group_id", function.__name__)
        self.prefixed = given.get("prefix_group_id", True)
        self._names = names

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Calls the function once, whose tasks form a group."""
        dag = building.current()
        group = TaskGroup(dag.free_group(self.id) if dag else self.id, self.prefixed)
        return self.fill(group, args, keywords)

    def partial(self, **keywords: Any) -> PartialGroup:
        """Binds some parameters; `expand`, `zip` and `expand_kwargs` map over others."""
        return PartialGroup(self, keywords)

    def expand(self, **lists: Any) -> Any:
        """One instance of each of its tasks for each element; of several lists one for each combination.

        The parameters are the elements. What the function returns is the list of what the instances return.
        """
        return PartialGroup(self, {}).expand(**lists)

    def zip(self, **lists: Any) -> Any:
        """One instance for each position: the elements at the same position of all lists go together."""
        return PartialGroup(self, {}).zip(**lists)

    def expand_kwargs(self, rows: Any) -> Any:
        """One instance for each element of a list of dicts, whose keys are the names of parameters."""
        return PartialGroup(self, {}).expand_kwargs(rows)

    def fill(self, group: TaskGroup, args: Any, keywords: dict[str, Any]) -> Any:
        """Calls the function within the group."""
        with group:
            result = self.function(*args, **keywords)
        if result is None:
            return group
        return _Result(result, group) if isinstance(result, Edge) else result

    @functools.cached_property
    def parameters(self) -> dict[str, inspect.Parameter]:
        return dict(inspect.signature(self.function).parameters)

    def shape(self, name: str) -> Shape:
        """What the annotation of a parameter says of constants."""
        try:
            return shape_of(self._hints.get(name, Any))
        except Unsupported:
            return Anything()

    @functools.cached_property
    def _hints(self) -> dict[str, Any]:
        return hints_of(self.function, self._names)

    def __repr__(self) -> str:
        return f"<group {self.id}>"


class PartialGroup:
    """A group with some of its parameters bound."""

    def __init__(self, function: GroupFunction, bound: dict[str, Any]):
        self._function = function
        self._bound = bound
        self._what = f"group {function.id}"

    def expand(self, **lists: Any) -> Any:
        return self._map("expand", lists)

    def zip(self, **lists: Any) -> Any:
        return self._map("zip", lists)

    def expand_kwargs(self, rows: Any) -> Any:
        mapped = self._begin("expand_kwargs")
        names = self._free_names()
        if isinstance(rows, Source):
            rows = rows.each
        if isinstance(rows, Elements):
            names = [name for name in names if self._is_required(name) or rows.functions or not rows.lacks(name)]
            if not names:
                raise TypeError(f"{self._what}: {rows!r} have none of its parameters")
            mapped.map_over(ROW, rows, Anything())
        else:
            if has_edges(rows):
                raise TypeError(
                    f"{self._what}: expand_kwargs takes a list of dicts or one task's output; "
                    "put several outputs together in a task that returns a list"
                )
            if not isinstance(rows, (list, tuple)):
                raise TypeError(f"{self._what}: expand_kwargs takes a list of dicts, not {rows!r}")
            rows = [self._row(mapped, names, index, row) for index, row in enumerate(rows)]
            mapped.map_over(ROW, rows, Anything())
        return self._fill(mapped, {name: Element(mapped, ROW)[name] for name in names})

    def _map(self, method: str, lists: dict[str, Any]) -> Any:
        mapped = self._begin(method)
        if not lists:
            raise TypeError(f"{self._what}: {method} needs something to map over")
        for name, value in lists.items():
            if name in self._bound:
                raise TypeError(f"{self._what}: {name!r} is given by partial and by {method}")
            mapped.map_over(name, value, self._function.shape(name))
        if method == "zip":
            mapped.zip_lists()
        return self._fill(mapped, {name: Element(mapped, name) for name in lists})

    def _begin(self, method: str) -> MappedGroup:
        dag = building.current()
        if dag is None:
            raise TypeError(f"{self._what}: {method} maps a group of a DAG; call it inside of a @dag function")
        if not self._function.prefixed:
            raise TypeError(
                f"{self._what}: the ids of a mapped group's tasks begin with its name; leave out prefix_group_id=False"
            )
        outer = building.mapped_group()
        if outer is not None:
            raise TypeError(
                f"{self._what}: it is within the mapped group {outer.id}; map one of the two, and let a task of the "
                "group call another DAG for each element of an inner list"
            )
        return MappedGroup(building.prefix() + self._function.id)

    def _fill(self, mapped: MappedGroup, elements: dict[str, Any]) -> Any:
        dag = building.current()
        assert dag is not None, "it was there when the mapping began"
        values = {**self._bound, **elements}
        try:
            inspect.signature(self._function.function).bind(**values)
        except TypeError as error:
            raise TypeError(f"{self._what}: {error}") from None
        group = TaskGroup(dag.free_group(self._function.id))
        # It has a number if the name was taken.
        mapped.id = building.prefix() + group.id
        group.mapped = dag.mapped_groups[mapped.id] = mapped
        return self._function.fill(group, (), values)

    def _free_names(self) -> list[str]:
        """The parameters that are left to map over."""
        for name, parameter in self._function.parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise TypeError(f"{self._what}: expand_kwargs takes parameters by their names, and *{name} has none")
        names = [name for name in self._function.parameters if name not in self._bound]
        if not names:
            raise TypeError(f"{self._what}: expand_kwargs has no parameter left to map over")
        return names

    def _is_required(self, name: str) -> bool:
        return self._function.parameters[name].default is inspect.Parameter.empty

    def _row(self, mapped: MappedGroup, names: list[str], index: int, row: Any) -> dict[str, Any]:
        """The parameters of one instance, of those that are constants."""
        what = f"{self._what}: expand_kwargs: element {index}"
        if not isinstance(row, dict):
            raise TypeError(f"{what} is a dict of parameters, not {row!r}")
        for key in row:
            if key not in names:
                why = f"{key!r} is given by partial" if key in self._bound else f"there is no parameter {key!r}"
                raise TypeError(f"{what}: {why}")
        values = {}
        for name in names:
            if name not in row and self._is_required(name):
                raise TypeError(f"{what}: parameter {name!r} is missing")
            if name in row:
                shape, value = self._function.shape(name), row[name]
            else:
                # A default needs not be what the annotation says, such as None.
                shape, value = Anything(), self._function.parameters[name].default
            values[name] = mapped.constant(shape, value, f"[{index}].{name}")
        return values


def task_group(function: Any = None, /, **given: Any) -> Any:
    """A function whose tasks form a group; it returns edges as usual. With `expand` the group is mapped."""
    # Annotations may name types of the enclosing function.
    frame = sys._getframe(1)
    names = dict(frame.f_locals) if frame.f_code.co_name != "<module>" else {}

    def decorate(inner: Callable[..., Any]) -> GroupFunction:
        return GroupFunction(inner, given, names)

    return decorate if function is None else decorate(function)


__all__ = ["TaskGroup", "Value", "task_group"]
