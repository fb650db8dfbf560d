"""Values with parts that have no names of their own: lists, tuples, maps, unions."""

from __future__ import annotations

from typing import Any, Callable

from weft.shape.base import Misfit, Mode, Shape, named


class Items(Shape):
    """`list[T]`, `set[T]`, `tuple[T, ...]`, and the abstract kinds of them."""

    def __init__(self, item: Shape, make: Callable[[list[Any]], Any], takes: tuple[type, ...], name: str):
        self.item = item
        self.make = make
        self.takes = takes
        self.name = name

    def schema(self, mode: Mode, defs: dict[str, Any]) -> Any:
        return {"type": "array", "items": self.item.schema(mode, defs)}

    def encode(self, value: Any, at: str) -> Any:
        if not isinstance(value, self.takes):
            raise Misfit(at, f"expected {self.name}, got {named(value)}")
        if isinstance(value, (set, frozenset)):
            value = _in_order(value)
        return [self.item.encode(item, f"{at}[{index}]") for index, item in enumerate(value)]

    def decode(self, value: Any, at: str) -> Any:
        if not isinstance(value, list):
            raise Misfit(at, f"expected a list, got {named(value)}")
        return self.make([self.item.decode(item, f"{at}[{index}]") for index, item in enumerate(value)])


class Row(Shape):
    """`tuple[A, B]` and named tuples: a fixed number of items, each with its own type."""

    def __init__(self, items: list[Shape], make: Callable[[list[Any]], Any]):
        self.items = items
        self.make = make

    def schema(self, mode: Mode, defs: dict[str, Any]) -> Any:
        count = len(self.items)
        items = [item.schema(mode, defs) for item in self.items]
        return {"type": "array", "prefixItems": items, "items": False, "minItems": count, "maxItems": count}

    def _each(self, value: Any, at: str, step: str) -> list[Any]:
        if not isinstance(value, (tuple, list)):
            raise Misfit(at, f"expected {len(self.items)} items, got {named(value)}")
        if len(value) != len(self.items):
            raise Misfit(at, f"expected {len(self.items)} items, got {len(value)}")
        pairs = zip(self.items, value)
        return [getattr(item, step)(part, f"{at}[{index}]") for index, (item, part) in enumerate(pairs)]

    def encode(self, value: Any, at: str) -> Any:
        return self._each(value, at, "encode")

    def decode(self, value: Any, at: str) -> Any:
        return self.make(self._each(value, at, "decode"))


class Table(Shape):
    """`dict[str, T]`."""

    def __init__(self, key: Shape, item: Shape):
        self.key = key
        self.item = item

    def schema(self, mode: Mode, defs: dict[str, Any]) -> Any:
        items = self.item.schema(mode, defs)
        return {"type": "object"} if items is True else {"type": "object", "additionalProperties": items}

    def encode(self, value: Any, at: str) -> Any:
        if not hasattr(value, "items"):
            raise Misfit(at, f"expected dict, got {named(value)}")
        result = {}
        for key, item in value.items():
            name = self.key.encode(key, f"a key of {at}" if at else "a key")
            if not isinstance(name, str):
                raise Misfit(at, f"a key is {named(key)}, and keys of JSON are text")
            result[name] = self.item.encode(item, f"{at}.{name}" if at else name)
        return result

    def decode(self, value: Any, at: str) -> Any:
        if not isinstance(value, dict):
            raise Misfit(at, f"expected a dict, got {named(value)}")
        return {
            self.key.decode(key, f"a key of {at}" if at else "a key"): self.item.decode(
                item, f"{at}.{key}" if at else key
            )
            for key, item in value.items()
        }


class Either(Shape):
    """`A | B`: the first that fits."""

    def __init__(self, options: list[Shape]):
        self.options = options

    def schema(self, mode: Mode, defs: dict[str, Any]) -> Any:
        options = [option.schema(mode, defs) for option in self.options]
        return True if True in options else {"anyOf": options}

    def _first(self, value: Any, at: str, step: str) -> Any:
        misfits = []
        for option in self.options:
            try:
                return getattr(option, step)(value, at)
            except Misfit as misfit:
                misfits.append(misfit)
        # The option that was understood furthest says most.
        best = max(misfits, key=lambda misfit: len(misfit.at))
        if len(best.at) > len(at):
            raise best
        raise Misfit(
            at,
            " or ".join(dict.fromkeys(misfit.why.split(", got ")[0] for misfit in misfits)) + f", got {named(value)}",
        )

    def encode(self, value: Any, at: str) -> Any:
        return self._first(value, at, "encode")

    def decode(self, value: Any, at: str) -> Any:
        return self._first(value, at, "decode")


def _in_order(values: Any) -> list[Any]:
    """A set has no order of its own, and the same output should be the same text."""
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=repr)
