"""Spans of time as documents have them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any


def duration(value: Any) -> Any:
    """A `timedelta`, a number of seconds, or text such as `"5m"`."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(f"expected a timedelta, a number of seconds or text such as '5m', got {value!r}")
    return value
