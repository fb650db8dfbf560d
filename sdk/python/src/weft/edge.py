"""The placeholder for a task's output while a DAG is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Iterator

if TYPE_CHECKING:
    from weft.node import Node


class Ordered:
    """Things that `>>` and `<<` put in order: outputs, groups."""

    def first_nodes(self) -> list[Node]:
        """What waits for whatever comes before."""
        raise NotImplementedError

    def last_nodes(self) -> list[Node]:
        """What whatever comes after waits for."""
        raise NotImplementedError

    def set_downstream(self, others: Any) -> None:
        for other in each(others):
            for later in other.first_nodes():
                for earlier in self.last_nodes():
                    later.wait_for(earlier)

    def set_upstream(self, others: Any) -> None:
        for other in each(others):
            other.set_downstream(self)

    def __rshift__(self, others: Any) -> Any:
        self.set_downstream(others)
        return others

    def __lshift__(self, others: Any) -> Any:
        self.set_upstream(others)
        return others

    def __rrshift__(self, others: Any) -> Ordered:
        self.set_upstream(others)
        return self

    def __rlshift__(self, others: Any) -> Ordered:
        self.set_downstream(others)
        return self


class Value:
    """A value that is known only when the DAG runs. Its parts are taken with `[...]`."""

    def _unknown(self, doing: str) -> TypeError:
        return TypeError(
            f"{self!r} can't be {doing} here: a DAG function only says who waits for whom, and its values are known "
            "when tasks run. Do it inside of a task."
        )

    def __bool__(self) -> bool:
        raise self._unknown("tested")

    def __iter__(self) -> Iterator[Any]:
        raise self._unknown("gone through (to map over it: task.expand(x=...))")

    def __len__(self) -> int:
        raise self._unknown("counted")

    def __str__(self) -> str:
        raise self._unknown("made text")

    def __format__(self, _form: str) -> str:
        raise self._unknown("made text")


class ParamEdge(Value):
    """A parameter of the run, or a part of it."""

    def __init__(self, name: str, pointer: str = ""):
        self.name = name
        self.pointer = pointer

    def __getitem__(self, key: str | int) -> ParamEdge:
        return ParamEdge(self.name, self.pointer + step(key))

    def __repr__(self) -> str:
        return f"<parameter {self.name}{self.pointer}>"

    def binding(self) -> Any:
        document = {"param": self.name}
        return {**document, "pointer": self.pointer} if self.pointer else document


class Edge(Value, Ordered):
    """The output of a task, or a part of it."""

    def __init__(self, node: Node, pointer: str = ""):
        self.node = node
        self.pointer = pointer

    @property
    def operator(self) -> Node:
        return self.node

    @property
    def task_id(self) -> str:
        return self.node.id

    def __getitem__(self, key: str | int) -> Edge:
        return Edge(self.node, self.pointer + step(key))

    def __repr__(self) -> str:
        return f"<output of {self.node.id}{self.pointer}>"

    def first_nodes(self) -> list[Node]:
        return [self.node]

    last_nodes = first_nodes

    def binding(self) -> Any:
        return {"task": self.node.id, "pointer": self.pointer} if self.pointer else self.node.id

    def map(self, *_args: Any) -> Any:
        raise TypeError("there is no .map(): make it a task of its own, `changed = change.expand(x=rows)`")

    zip = concat = map


def step(key: str | int) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        raise TypeError(f"a part of an output is named by text or a number, not by {key!r}")
    return "/" + str(key).replace("~", "~0").replace("/", "~1")


def each(others: Any) -> Iterable[Ordered]:
    """One thing or several."""
    items = list(others) if isinstance(others, (list, tuple, set)) else [others]
    for item in items:
        if not isinstance(item, Ordered):
            raise TypeError(f"{item!r} is no task's output or group, so nothing can wait for it; call the task first")
    return items


def chain(*things: Any) -> None:
    """One after the other; of two lists in a row of equal length each its own, as in Airflow."""
    for before, after in zip(things, things[1:]):
        if isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
            if len(before) != len(after):
                raise ValueError(f"chain can't put {len(before)} things before {len(after)}")
            for one, other in zip(before, after):
                one.set_downstream(other)
        elif isinstance(before, (list, tuple)):
            after.set_upstream(before)
        else:
            before.set_downstream(after)


def cross_downstream(before: Any, after: Any) -> None:
    """Everything of `after` waits for everything of `before`."""
    for one in each(before):
        one.set_downstream(list(each(after)))
