"""What the instances of a mapped task get of the elements of a list: `rows.each["id"]`, `rows.map(f)`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Callable

from weft.edge import Edge, Source, Value, step

if TYPE_CHECKING:
    from weft.node import Node

#: What an element gives that has no such part.
ABSENT = object()

#: Where elements can be passed to, for messages.
_WHERE = "pass it to expand(...), zip(...) or expand_kwargs(...)"


class Elements(Value):
    """The elements of a list that is known when the DAG runs, or a part of each."""

    def __init__(
        self,
        source: Source,
        pointer: str = "",
        condition: str | None = None,
        functions: tuple[Callable[[Any], Any], ...] = (),
    ):
        self.source = source
        self._pointer = pointer
        self._condition = condition
        #: Functions of `map`, in the order in which they are called.
        self.functions = functions

    def __getitem__(self, key: str | int) -> Elements:
        """A part of each element. An element without it leaves the input out of its instance."""
        if self.functions:
            raise TypeError(f"{self!r}: what .map() returns has no parts here; return the part from the function")
        return Elements(self.source, self._pointer + step(key), self._condition)

    def filter(self, *path: str | int) -> Elements:
        """The elements whose part at this path is neither missing nor `None` nor `False`."""
        if not path:
            raise TypeError(f"{self!r}: filter takes the key of a part, as in rows.each.filter('active')")
        if self.functions or self._pointer or self._condition is not None:
            raise TypeError(
                f"{self!r}: there is one filter, and it comes first: rows.each.filter('active')['id']; "
                "for another condition, raise Skip in a function of .map()"
            )
        return Elements(self.source, "", "".join(step(key) for key in path))

    def map(self, function: Callable[[Any], Any]) -> Elements:
        """What the function returns for each element.

        It is called in the attempt of each instance, before the task's function. The
        instance is skipped if it raises `Skip`.
        """
        return Elements(self.source, self._pointer, self._condition, (*self.functions, _checked(function)))

    def binding(self) -> Any:
        """The binding of an input of the document's `expand`."""
        binding = self.source.binding()
        more = {"filter": self._condition, "each": self._pointer or None}
        more = {name: pointer for name, pointer in more.items() if pointer is not None}
        if not more:
            return binding
        return {**({"task": binding} if isinstance(binding, str) else binding), **more}

    def lacks(self, key: str) -> bool:
        """Whether the annotation of the list says that its elements have no such part."""
        return self.source.lacks("/0" + self._pointer + step(key))

    @property
    def node(self) -> Node | None:
        """The task of whose output the list is; `None` for a parameter of the run."""
        return self.source.node if isinstance(self.source, Edge) else None

    def misplaced(self, what: str) -> TypeError:
        """The error of elements that are passed where no instance is made of them."""
        return TypeError(f"{what}: {self!r} is known only in the instances of a mapped task; {_WHERE}")

    def __repr__(self) -> str:
        return f"<elements of {self.source!r}>"


def part_of(value: Any, pointer: str) -> Any:
    """The part of a value at a JSON pointer (RFC 6901), or `ABSENT`."""
    for key in pointer.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, (list, tuple)) and _is_index(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return ABSENT
    return value


def part_picker(pointer: str) -> Callable[[Any], Any]:
    """A function that returns the part of a value at a JSON pointer, or `ABSENT`."""
    return lambda value: part_of(value, pointer)


def _is_index(key: str) -> bool:
    return key.isascii() and key.isdigit() and (key == "0" or not key.startswith("0"))


def _checked(function: Any) -> Callable[[Any], Any]:
    from weft.tasks import TaskFunction

    if isinstance(function, TaskFunction):
        raise TypeError(f"map takes a plain function, and {function!r} is a task; write map({function.id}.function)")
    if not callable(function):
        raise TypeError(f"map takes a function of one element, not {function!r}")
    # Only a function can be looked at: other callables may answer to any attribute.
    if inspect.isfunction(function) and inspect.iscoroutinefunction(function):
        raise TypeError(f"map takes a plain function, and {function.__name__} is async")
    return function
