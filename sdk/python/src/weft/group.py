"""Task groups: a common prefix of ids, and a common place in the order."""

from __future__ import annotations

import functools
from typing import Any, Callable

from weft import building
from weft.edge import Edge, Ordered, Value
from weft.node import Node


class TaskGroup(Ordered):
    """`with TaskGroup("load"): ...`; its tasks are called `load.<id>`."""

    def __init__(self, group_id: str, prefix_group_id: bool = True, tooltip: str = "", **_shown: Any):
        self.id = group_id
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
        return self

    def __exit__(self, *_error: Any) -> None:
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
        super().__init__(edge.node, edge.pointer)
        self._group = group

    def first_nodes(self) -> list[Node]:
        return self._group.first_nodes()

    def last_nodes(self) -> list[Node]:
        return self._group.last_nodes()


def task_group(function: Any = None, /, **given: Any) -> Any:
    """A function whose tasks form a group; it returns edges as usual."""

    def decorate(inner: Callable[..., Any]) -> Callable[..., Any]:
        name = given.get("group_id", inner.__name__)

        @functools.wraps(inner)
        def call(*args: Any, **keywords: Any) -> Any:
            dag = building.current()
            group = TaskGroup(dag.free_group(name) if dag else name, given.get("prefix_group_id", True))
            with group:
                result = inner(*args, **keywords)
            if result is None:
                return group
            return _Result(result, group) if isinstance(result, Edge) else result

        return call

    return decorate if function is None else decorate(function)


__all__ = ["TaskGroup", "Value", "task_group"]
