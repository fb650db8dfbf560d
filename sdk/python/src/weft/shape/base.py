"""What every shape does, and the shape of a value that nothing is said of."""

from __future__ import annotations

import enum
import math
from dataclasses import fields, is_dataclass
from typing import Any


class Mode(enum.Enum):
    """Which side of an edge a schema is for: they differ in what is required."""

    INPUT = "input"
    OUTPUT = "output"


class Misfit(Exception):
    """A value that is not what its annotation says."""

    def __init__(self, at: str, why: str):
        super().__init__(f"{at}: {why}" if at else why)
        self.at = at
        self.why = why


class Unsupported(Exception):
    """An annotation whose values can't be passed between tasks."""


class Shape:
    """One annotation. `at` is the place inside the value, for messages."""

    def schema(self, mode: Mode, defs: dict[str, Any]) -> Any:
        """A JSON Schema (2020-12); named parts are put into `defs`."""
        raise NotImplementedError

    def encode(self, value: Any, at: str) -> Any:
        """A Python value as JSON would hold it."""
        raise NotImplementedError

    def decode(self, value: Any, at: str) -> Any:
        """JSON as the Python value that the annotation promises."""
        raise NotImplementedError


def named(value: Any, limit: int = 60) -> str:
    """A value and its type, short enough for a message."""
    text = repr(value)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return f"{type(value).__name__} {text}"


class Anything(Shape):
    """No annotation, or `Any`: whatever JSON can hold."""

    def schema(self, mode: Mode, defs: dict[str, Any]) -> Any:
        return True

    def encode(self, value: Any, at: str) -> Any:
        return plain(value, at)

    def decode(self, value: Any, at: str) -> Any:
        return value


def plain(value: Any, at: str) -> Any:
    """Converts an unannotated value to JSON; refuses values that JSON can't represent."""
    kind = type(value)
    if value is None or kind is str or kind is bool or kind is int:
        return value
    if isinstance(value, float):
        return finite(value, at)
    if isinstance(value, dict):
        result = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise Misfit(at, f"a key is {named(key)}, and keys of JSON are text")
            result[key] = plain(item, f"{at}.{key}" if at else key)
        return result
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{at}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, enum.Enum):
        return plain(value.value, at)
    if isinstance(value, (str, int)):
        return str(value) if isinstance(value, str) else int(value)
    if is_dataclass(value) and not isinstance(value, type):
        items = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: plain(item, f"{at}.{name}" if at else name) for name, item in items}
    encoded = by_annotation_of(value)
    if encoded is not None:
        return encoded.encode(value, at)
    raise Misfit(
        at,
        f"{named(value)} is nothing that JSON can hold; return text, numbers, lists, dicts, dataclasses, "
        "or large data as an Artifact",
    )


def by_annotation_of(value: Any) -> Shape | None:
    """The shape of a value's own type, where that type has one."""
    from weft.shape.read import shape_of

    if isinstance(value, (bytes, bytearray, memoryview)):
        return None
    try:
        shape = shape_of(type(value))
    except Unsupported:
        return None
    # That shape would ask here again.
    return None if isinstance(shape, Anything) else shape


def finite(value: float, at: str) -> float:
    """JSON has neither NaN nor infinity."""
    if not math.isfinite(value):
        raise Misfit(at, f"{value} is no number that JSON can hold")
    return value
