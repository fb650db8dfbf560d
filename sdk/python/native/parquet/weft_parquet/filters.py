"""Filters as pyarrow takes them: tuples of column, operator and value, in lists that are joined by `and`, and lists of these by `or`."""

from __future__ import annotations

import operator
from typing import Any, Iterator

import pandas as pd

_COMPARISONS = {
    "=": operator.eq, "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


def names_in(filters: Any) -> Iterator[str]:
    """The columns that filters look at."""
    for conditions in _alternatives(filters):
        for name, _, _ in conditions:
            yield name


def mask(frame: pd.DataFrame, filters: Any) -> pd.Series:
    """Which rows are kept."""
    kept = pd.Series(False, index=frame.index)
    for conditions in _alternatives(filters):
        both = pd.Series(True, index=frame.index)
        for name, comparison, value in conditions:
            both &= _holds(frame[name], comparison, value)
        kept |= both
    return kept


def _holds(column: pd.Series, comparison: str, value: Any) -> pd.Series:
    if comparison == "in":
        return column.isin(list(value))
    if comparison == "not in":
        return ~column.isin(list(value))
    if comparison not in _COMPARISONS:
        raise ValueError(
            f"{comparison!r} is no operator of a filter: take one of {', '.join(_COMPARISONS)}, in, not in"
        )
    # Nothing compares with what is missing.
    held = pd.Series(False, index=column.index)
    there = column[column.notna()]
    held.loc[there.index] = _COMPARISONS[comparison](there, value).astype(bool)
    return held


def _alternatives(filters: Any) -> list[list[tuple[str, str, Any]]]:
    if filters is None:
        return []
    if not isinstance(filters, list):
        raise NotImplementedError("a filter is a list of tuples (column, operator, value), or a list of such lists")
    return filters if filters and isinstance(filters[0], list) else [filters]
