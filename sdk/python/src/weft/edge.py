"""The placeholder for a task's output while a DAG is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator

from weft import building
from weft.shape import Mode, document_schema, lacks_part

if TYPE_CHECKING:
    from weft.elements import Elements
    from weft.mapped_group import MappedGroup
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


class Source(Value):
    """What a task is mapped over if it is a list when the DAG runs."""

    @property
    def functions(self) -> tuple[Callable[[Any], Any], ...]:
        """What an attempt calls with it, one after the other, before the task's function."""
        return ()

    def binding(self) -> Any:
        """The binding of an input of the document."""
        raise NotImplementedError

    def lacks(self, pointer: str) -> bool:
        """Whether its annotation says that it has no part at a JSON pointer."""
        raise NotImplementedError

    def check_taker(self, group: MappedGroup | None, what: str) -> None:
        """Raises `TypeError` if a task of this mapped group, or of none, can't take it."""

    @property
    def each(self) -> Elements:
        """The elements of the list, for `expand`, `zip` and `expand_kwargs`: `rows.each["id"]` is a part of each."""
        from weft.elements import Elements

        return Elements(self)

    def map(self, function: Callable[[Any], Any]) -> Elements:
        """What the function returns for each element; see `Elements.map`."""
        return self.each.map(function)


class ParamEdge(Source):
    """A parameter of the run, or a part of it."""

    def __init__(self, name: str, pointer: str = "", schema: Any = True):
        self.name = name
        self.pointer = pointer
        self._schema = schema

    def __getitem__(self, key: str | int) -> ParamEdge:
        return ParamEdge(self.name, self.pointer + step(key), self._schema)

    def __repr__(self) -> str:
        return f"<parameter {self.name}{self.pointer}>"

    def binding(self) -> Any:
        document = {"param": self.name}
        return {**document, "pointer": self.pointer} if self.pointer else document

    def lacks(self, pointer: str) -> bool:
        return lacks_part(self._schema, self.pointer + pointer)


class Edge(Source, Ordered):
    """The output of a task, or a part of it."""

    def __init__(self, node: Node, pointer: str = "", is_of_instance: bool = False):
        self.node = node
        self.pointer = pointer
        #: Whether it is a part of the output of one instance, which only the task's mapped group has.
        self.is_of_instance = is_of_instance

    @property
    def operator(self) -> Node:
        return self.node

    @property
    def task_id(self) -> str:
        return self.node.id

    def __getitem__(self, key: str | int) -> Edge:
        group = self.node.group
        is_of_instance = self.is_of_instance or group is not None and group is building.mapped_group()
        return Edge(self.node, self.pointer + step(key), is_of_instance)

    def __repr__(self) -> str:
        return f"<output of {self.node.id}{self.pointer}>"

    def first_nodes(self) -> list[Node]:
        return [self.node]

    last_nodes = first_nodes

    def binding(self) -> Any:
        return {"task": self.node.id, "pointer": self.pointer} if self.pointer else self.node.id

    def lacks(self, pointer: str) -> bool:
        schema = document_schema(self.node.task.output_shape, Mode.OUTPUT)
        if (self.node.expand or self.node.group) and isinstance(schema, dict):
            # The list of its instances' outputs, each of which has the schema.
            schema = {"type": "array", "items": schema, "$defs": schema.get("$defs", {})}
        return lacks_part(schema, self.pointer + pointer)

    def check_taker(self, group: MappedGroup | None, what: str) -> None:
        own = self.node.group
        if self.is_of_instance and own is not None and group is not own:
            raise TypeError(
                f"{what}: {self!r} is a part of what each instance returns, and outside of the mapped group {own.id} there "
                "is the list of the outputs; return the part from a task of the group"
            )

    def teardown_of(self, *setups: Any, fails_run: bool = False) -> Edge:
        """Makes the task a teardown of these setups, which it waits for, and returns its output.

        It runs once everything upstream has ended if one of its setups succeeded, or it has none,
        also when the run is cancelled. With `fails_run` the run fails with it.
        """
        found = []
        for setup in setups:
            for edge in setup if isinstance(setup, (list, tuple)) else [setup]:
                if not isinstance(edge, Edge):
                    raise TypeError(f"task {self.node.id}: a setup is a task's output, not {edge!r}; call the task first")
                found.append(edge.node)
        self.node.tear_down(found, fails_run)
        return self

    def as_teardown(self, *, setups: Any = (), on_failure_fail_dagrun: bool = False) -> Edge:
        """Airflow's spelling of `teardown_of`."""
        setups = setups if isinstance(setups, (list, tuple, set)) else [setups]
        return self.teardown_of(*setups, fails_run=on_failure_fail_dagrun)

    def as_setup(self) -> Any:
        raise TypeError("a setup needs no mark: its teardown names it, `destroy(name).teardown_of(cluster)`")

    def concat(self, *_args: Any) -> Any:
        raise TypeError("there is no .concat() of outputs: put the lists together in a task that returns a list")

    def zip(self, *_args: Any, **_keywords: Any) -> Any:
        raise TypeError("there is no .zip() of outputs: map over them together, `load.zip(file=files, table=tables)`")


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
