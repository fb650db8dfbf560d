"""Task groups that are mapped: their lists, and what each instance gets of the lists' elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from weft.edge import Source, step
from weft.elements import Elements, part_picker
from weft.node import has_edges, unlike_lists
from weft.shape import Misfit, Shape

if TYPE_CHECKING:
    from weft.node import Node

#: What to do about a list within an element.
_INNER = "let a task of the group call another DAG for each element of an inner list"


class MappedGroup:
    """A group whose tasks have one instance each for each element of its lists."""

    def __init__(self, group_id: str):
        self.id = group_id
        #: Bindings of the document, by the names that elements refer to.
        self.expand: dict[str, Any] = {}
        #: By list, the functions of `map`, which each task calls that takes something of its elements.
        self.maps: dict[str, tuple[Callable[[Any], Any], ...]] = {}
        #: Whether the elements at the same position of all lists make an instance.
        self.zipped = False
        #: The tasks whose outputs the lists are.
        self.sources: list[Node] = []

    def map_over(self, name: str, value: Any, shape: Shape) -> None:
        """Adds a list; `shape` is that of its elements."""
        if isinstance(value, Source):
            value = value.each
        if isinstance(value, Elements):
            value.source.check_taker(None, f"group {self.id}: expand({name}=...)")
            self.expand[name] = value.binding()
            if value.functions:
                self.maps[name] = value.functions
            if value.node is not None:
                self.sources.append(value.node)
            return
        if has_edges(value):
            raise TypeError(
                f"group {self.id}: expand({name}=...) takes a list or one task's output; "
                "put several outputs together in a task that returns a list"
            )
        if not isinstance(value, (list, tuple)):
            raise TypeError(f"group {self.id}: expand({name}=...) takes a list, not {value!r}")
        self.expand[name] = {"value": [self.constant(shape, item, f"{name}[{at}]") for at, item in enumerate(value)]}

    def zip_lists(self) -> None:
        """Makes one instance of the elements at the same position of all lists."""
        self.zipped = True
        constants = {name: binding for name, binding in self.expand.items() if isinstance(binding, dict)}
        if unlike := unlike_lists({name: of["value"] for name, of in constants.items() if "value" in of}):
            raise TypeError(f"group {self.id}: {unlike}")

    def constant(self, shape: Shape, value: Any, at: str) -> Any:
        """A constant as JSON holds it."""
        try:
            return shape.encode(value, at)
        except Misfit as misfit:
            raise TypeError(f"group {self.id}: {misfit}") from None

    def document(self) -> dict[str, Any]:
        """This group's part of the DAG document."""
        return {"expand": self.expand, "zip": True} if self.zipped else {"expand": self.expand}


class Element(Source):
    """What an instance of a task in a mapped group gets of one of the group's lists, or a part of that."""

    def __init__(self, group: MappedGroup, name: str, pointer: str = ""):
        self.group = group
        self.name = name
        self.pointer = pointer

    def __getitem__(self, key: str | int) -> Element:
        """A part of it. An element without it leaves the input out of its instance."""
        return Element(self.group, self.name, self.pointer + step(key))

    def __repr__(self) -> str:
        return f"<element {self.name}{self.pointer} of group {self.group.id}>"

    def binding(self) -> Any:
        document = {"element": self.name}
        # Of what functions return, the attempt takes the part.
        return {**document, "pointer": self.pointer} if self.pointer and not self.functions else document

    @property
    def functions(self) -> tuple[Callable[[Any], Any], ...]:
        functions = self.group.maps.get(self.name, ())
        return (*functions, part_picker(self.pointer)) if functions and self.pointer else functions

    def check_taker(self, group: MappedGroup | None, what: str) -> None:
        if group is not self.group:
            raise TypeError(
                f"{what}: {self!r} is known only in the tasks of that group; outside of it, take what a task of the "
                "group returns, which is the list of all instances' outputs"
            )

    @property
    def each(self) -> Elements:
        raise TypeError(f"{self!r} can't be mapped over: a mapped group has no mapped task or group inside; {_INNER}")
