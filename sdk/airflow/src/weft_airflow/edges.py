"""Edges: what `>>`, `<<`, labels and `chain` put in order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from weft_airflow import recorder

if TYPE_CHECKING:
    from weft_airflow.model import Task


class DagError(Exception):
    """What Airflow would refuse as well."""


class Dependency:
    """What `>>` and `<<` put in order."""

    def __rshift__(self, other: Any) -> Any:
        self.set_downstream(other)
        return other

    def __lshift__(self, other: Any) -> Any:
        self.set_upstream(other)
        return other

    def __rrshift__(self, other: Any) -> Any:
        self.set_upstream(other)
        return self

    def __rlshift__(self, other: Any) -> Any:
        self.set_downstream(other)
        return self

    def set_upstream(self, other: Any, edge_modifier: Any = None) -> None:
        raise NotImplementedError

    def set_downstream(self, other: Any, edge_modifier: Any = None) -> None:
        raise NotImplementedError

    @property
    def roots(self) -> list[Task]:
        raise NotImplementedError

    @property
    def leaves(self) -> list[Task]:
        raise NotImplementedError

    def update_relative(self, other: Any, upstream: bool = True) -> None: ...


class Label(Dependency):
    """A label of an edge."""

    def __init__(self, label: str = ""):
        self.label = label
        self._before: list[Any] = []
        self._after: list[Any] = []

    @property
    def roots(self) -> list[Task]:
        return [task for one in self._after for task in one.roots]

    @property
    def leaves(self) -> list[Task]:
        return [task for one in self._before for task in one.leaves]

    def set_upstream(self, other: Any, edge_modifier: Any = None) -> None:
        self._before.extend(self._plain(other))
        self._groups()
        for one in self._after:
            one.set_upstream(other)

    def set_downstream(self, other: Any, edge_modifier: Any = None) -> None:
        self._after.extend(self._plain(other))
        self._groups()
        for one in self._before:
            one.set_downstream(other)

    def update_relative(self, other: Any, upstream: bool = True) -> None:
        self.set_upstream(other) if upstream else self.set_downstream(other)

    @staticmethod
    def _plain(other: Any) -> list[Any]:
        return [one for one in listed(other) if not isinstance(one, Label)]

    def _groups(self) -> None:
        """Between groups, a label is on the edge of the groups as wholes."""
        from weft_airflow.model import Group, Output, Task

        if not (self._before and self._after):
            return

        def group_of(node: Any) -> Any:
            if isinstance(node, Group):
                return node.group_id
            group = (node.operator if isinstance(node, Output) else node).task_group
            return "root" if group is None or group.is_root else group.group_id

        if len({group_of(node) for node in [*self._before, *self._after]}) == 1:
            return

        def whole(node: Any) -> Any:
            inside = isinstance(node, (Task, Group)) and node.task_group and not node.task_group.is_root
            return node.task_group if inside else node

        self._before = [whole(node) for node in self._before]
        self._after = [whole(node) for node in self._after]


def listed(value: Any) -> list[Any]:
    """One node or several, without what isn't known here."""
    several = isinstance(value, (list, tuple, set)) or (isinstance(value, Iterable) and not isinstance(value, (Dependency, recorder.Recorder)))
    found = []
    for node in list(value) if several else [value]:
        if isinstance(node, Dependency):
            found.append(node)
        elif recorder.is_unknown(node):
            recorder.note(f"an edge leads to {node}, which can't be known here")
        else:
            raise DagError(f"an edge leads to {node!r}, which is no task")
    return found


def chain(*tasks: Any) -> None:
    for before, after in zip(tasks, tasks[1:]):
        if isinstance(before, Dependency):
            before.set_downstream(after)
        elif isinstance(after, Dependency):
            after.set_upstream(before)
        else:
            before, after = list(before), list(after)
            if len(before) != len(after):
                raise DagError(f"chain can't put {len(before)} tasks before {len(after)}")
            for one, other in zip(before, after):
                one.set_downstream(other)


def chain_linear(*elements: Any) -> None:
    previous: Any = None
    for element in elements:
        if previous is not None:
            for task in previous:
                task >> element
        previous = [element] if isinstance(element, Dependency) else element


def cross_downstream(from_tasks: Any, to_tasks: Any) -> None:
    for task in from_tasks:
        task.set_downstream(to_tasks)
