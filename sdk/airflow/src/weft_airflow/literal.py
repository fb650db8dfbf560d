"""Values as expressions of Python."""

from __future__ import annotations

import datetime
import enum
import math
import pathlib
import re
from collections.abc import Callable
from typing import Any


class NotLiteral(Exception):
    """A value that no expression says."""

    def __init__(self, value: Any):
        super().__init__(repr(value)[:80])
        self.value = value


def literal(value: Any, other: Callable[[Any], str] | None = None) -> str:
    """An expression. `other` writes what is no plain value; the modules `datetime`, `pathlib` and `re` may be named."""
    inner = lambda item: literal(item, other)
    if isinstance(value, enum.Enum) and isinstance(value, (str, int)):
        return literal(value.value)
    if value is None or isinstance(value, (bool, str, bytes)) and type(value) in (bool, str, bytes):
        return _text(value) if isinstance(value, str) else repr(value)
    if type(value) in (int, float, complex):
        return f'float("{value}")' if isinstance(value, float) and not math.isfinite(value) else repr(value)
    if type(value) is list:
        return f"[{', '.join(map(inner, value))}]"
    if type(value) is tuple:
        return f"({', '.join(map(inner, value))}{',' if len(value) == 1 else ''})"
    if type(value) in (set, frozenset):
        items = ", ".join(sorted(map(inner, value)))
        return f"{{{items}}}" if items and type(value) is set else f"{type(value).__name__}({f'[{items}]' if items else ''})"
    if type(value) is dict:
        return "{" + ", ".join(f"{inner(key)}: {inner(item)}" for key, item in value.items()) + "}"
    if isinstance(value, datetime.datetime):
        return f"datetime.datetime.fromisoformat({_text(value.isoformat())})"
    if isinstance(value, datetime.timedelta):
        return f"datetime.timedelta(seconds={value.total_seconds():g})"
    if isinstance(value, (datetime.date, datetime.time)):
        return f"datetime.{type(value).__name__}.fromisoformat({_text(value.isoformat())})"
    if isinstance(value, pathlib.PurePath):
        return f"pathlib.{type(value).__name__.replace('Posix', '')}({_text(str(value))})"
    if isinstance(value, re.Pattern):
        return f"re.compile({value.pattern!r}, {value.flags & ~re.UNICODE.value})"
    if other is not None:
        return other(value)
    raise NotLiteral(value)


def _text(value: str) -> str:
    """A text of several lines keeps them, where that says the same."""
    if value.count("\n") > 1 and "\\" not in value and '"""' not in value and not value.endswith('"') and value.isprintable() is False:
        printable = all(one.isprintable() or one == "\n" for one in value)
        if printable:
            return f'"""{value}"""'
    shown = repr(value)
    return f'"{shown[1:-1]}"' if shown[0] == "'" and '"' not in value else shown
