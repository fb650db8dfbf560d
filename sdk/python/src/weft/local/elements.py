"""`each` and `filter` of a binding of `expand`: what the instances get of a list's elements."""

from __future__ import annotations

from typing import Any

from weft.elements import ABSENT, part_of


def picked(items: list[Any], binding: Any) -> list[Any]:
    """One entry for each element that makes an instance."""
    if not isinstance(binding, dict):
        return items
    condition, each = binding.get("filter"), binding.get("each", "")
    return [part_of(item, each) for item in items if condition is None or _holds(part_of(item, condition))]


def _holds(value: Any) -> bool:
    return value is not ABSENT and value is not None and value is not False
