"""Values without parts: numbers, text, dates, choices, artifacts."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Callable

from weft.artifact import Artifact
from weft.shape.base import Misfit, Mode, Shape, finite, named


class Scalar(Shape):
    """`None`, `bool`, `int`, `str`: the same in Python and in JSON."""

    def __init__(self, kind: type, name: str):
        self.kind = kind
        self.name = name

    def schema(self, mode: Mode, defs: dict[str, Any]) -> Any:
        return {"type": self.name}

    def check(self, value: Any, at: str) -> Any:
        # A bool is an int to Python and none to anybody else.
        if not isinstance(value, self.kind) or (self.kind is int and isinstance(value, bool)):
            expected = "null" if self.kind is type(None) else self.kind.__name__
            raise Misfit(at, f"expected {expected}, got {named(value)}")
        return value

    encode = check
    decode = check


class Number(Shape):
    """`float`, which takes whole numbers too."""

    def schema(self, mode: Mode, defs: dict[str, Any]) -> Any:
        return {"type": "number"}

    def check(self, value: Any, at: str) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Misfit(at, f"expected float, got {named(value)}")
        return finite(float(value), at)

    encode = check
    decode = check


class Text(Shape):
    """A type that is text in JSON: dates, UUIDs, decimals, paths."""

    def __init__(self, kind: type, write: Callable[[Any], str], read: Callable[[str], Any], form: str | None):
        self.kind = kind
        self.write = write
        self.read = read
        self.form = form

    def schema(self, mode: Mode, defs: dict[str, Any]) -> Any:
        return {"type": "string", "format": self.form} if self.form else {"type": "string"}

    def encode(self, value: Any, at: str) -> Any:
        if not isinstance(value, self.kind):
            raise Misfit(at, f"expected {self.kind.__name__}, got {named(value)}")
        return self.write(value)

    def decode(self, value: Any, at: str) -> Any:
        if not isinstance(value, str):
            raise Misfit(at, f"expected the text of a {self.kind.__name__}, got {named(value)}")
        try:
            return self.read(value)
        except (ValueError, ArithmeticError) as error:
            raise Misfit(at, f"{value!r} is no {self.kind.__name__}: {error}") from None


class Span(Shape):
    """`timedelta`: seconds."""

    def schema(self, mode: Mode, defs: dict[str, Any]) -> Any:
        return {"type": "number"}

    def encode(self, value: Any, at: str) -> Any:
        if not isinstance(value, timedelta):
            raise Misfit(at, f"expected timedelta, got {named(value)}")
        return value.total_seconds()

    def decode(self, value: Any, at: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Misfit(at, f"expected a number of seconds, got {named(value)}")
        return timedelta(seconds=value)


class Choice(Shape):
    """`Literal` and `Enum`: one of some values."""

    def __init__(self, values: dict[Any, Any]):
        """JSON values, and what they are in Python."""
        self.values = values

    def schema(self, mode: Mode, defs: dict[str, Any]) -> Any:
        return {"enum": list(self.values)}

    def encode(self, value: Any, at: str) -> Any:
        for json, member in self.values.items():
            if member is value or (member == value and type(member) is type(value)):
                return json
        raise Misfit(at, f"expected one of {list(self.values)}, got {named(value)}")

    def decode(self, value: Any, at: str) -> Any:
        for json, member in self.values.items():
            if json == value and type(json) is type(value):
                return member
        raise Misfit(at, f"expected one of {list(self.values)}, got {named(value)}")


class ArtifactShape(Shape):
    """A reference to large data."""

    def schema(self, mode: Mode, defs: dict[str, Any]) -> Any:
        return {
            "type": "object",
            "properties": {"$artifact": {"type": "string"}},
            "required": ["$artifact"],
            "additionalProperties": False,
        }

    def encode(self, value: Any, at: str) -> Any:
        if not isinstance(value, Artifact):
            raise Misfit(at, f"expected Artifact, got {named(value)}")
        return {"$artifact": value.reference}

    def decode(self, value: Any, at: str) -> Any:
        if isinstance(value, dict) and list(value) == ["$artifact"] and isinstance(value["$artifact"], str):
            return Artifact(value["$artifact"])
        raise Misfit(at, f"expected an artifact, got {named(value)}")


def scalar_of(kind: type) -> Shape | None:
    """The shape of a class without parts, if it is one."""
    if kind in _FIXED:
        return _FIXED[kind]
    if issubclass(kind, enum.Enum):
        return Choice({member.value: member for member in kind})
    if issubclass(kind, datetime):
        # A subclass, such as another library's, is read back as the plain one.
        return _FIXED[datetime]
    if issubclass(kind, PurePath):
        return Text(PurePath, str, kind, None)
    return None


_FIXED: dict[type, Shape] = {
    type(None): Scalar(type(None), "null"),
    bool: Scalar(bool, "boolean"),
    int: Scalar(int, "integer"),
    str: Scalar(str, "string"),
    float: Number(),
    datetime: Text(datetime, datetime.isoformat, lambda text: datetime.fromisoformat(_zulu(text)), "date-time"),
    date: Text(date, date.isoformat, date.fromisoformat, "date"),
    time: Text(time, time.isoformat, time.fromisoformat, None),
    uuid.UUID: Text(uuid.UUID, str, uuid.UUID, "uuid"),
    Decimal: Text(Decimal, str, Decimal, None),
    timedelta: Span(),
    Artifact: ArtifactShape(),
}


def _zulu(text: str) -> str:
    """Python before 3.11 doesn't read the `Z` of RFC 3339."""
    return text[:-1] + "+00:00" if text.endswith("Z") else text
