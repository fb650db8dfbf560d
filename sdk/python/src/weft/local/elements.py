"""`each` and `filter` of a binding of `expand`: what the instances get of a list's elements."""

from __future__ import annotations

from typing import Any

#: What an element gives that has no part at `each`.
ABSENT = object()


def picked(items: list[Any], binding: Any) -> list[Any]:
    """One entry for each element that makes an instance."""
    if not isinstance(binding, dict):
        return items
    condition, each = binding.get("filter"), binding.get("each", "")
    return [_part(item, each) for item in items if condition is None or _holds(_part(item, condition))]


def _holds(value: Any) -> bool:
    return value is not ABSENT and value is not None and value is not False


def _part(value: Any, pointer: str) -> Any:
    """The part at a JSON pointer (RFC 6901)."""
    for key in pointer.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and _is_index(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return ABSENT
    return value


def _is_index(key: str) -> bool:
    return key.isascii() and key.isdigit() and (key == "0" or not key.startswith("0"))
