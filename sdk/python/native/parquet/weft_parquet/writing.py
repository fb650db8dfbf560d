"""pandas' arrays as columns of the library, of the types that pyarrow's `Table.from_pandas` makes."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

_EPOCH = dt.date(1970, 1, 1)


def to_column(array: Any, name: str) -> tuple[Any, ...]:
    """`name` is for errors."""
    dtype = array.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        codes = np.asarray(array.codes, "<i4").tobytes()
        return ("dictionary", codes, to_column(dtype.categories.array, name), bool(dtype.ordered))
    if isinstance(dtype, pd.StringDtype):
        return ("string", _or_none(array))
    if isinstance(dtype, pd.DatetimeTZDtype):
        moments = array.tz_convert("UTC").tz_localize(None)
        return _moments(np.asarray(moments), f", {zone_name(dtype.tz)}")
    if isinstance(dtype, pd.BooleanDtype):
        return ("bool", _validity(array), array.to_numpy(bool, na_value=False).tobytes())
    if hasattr(dtype, "numpy_dtype") and dtype.numpy_dtype.kind in "iuf":
        values = array.to_numpy(dtype.numpy_dtype, na_value=0)
        return ("fixed", str(values.dtype), _validity(array), _bytes(values))
    if not isinstance(getattr(dtype, "numpy_dtype", dtype), np.dtype) or dtype.kind not in "biufMmO":
        raise TypeError(f"the column {name!r} has the type {dtype}, which a file can't have: convert it, say to text")
    values = np.asarray(array)
    if values.dtype.kind == "O":
        return _objects(values, name)
    return _numbers(values)


def zone_name(zone: dt.tzinfo) -> str:
    """As Arrow writes it: an offset of its own has no name."""
    if isinstance(zone, dt.timezone) and zone is not dt.timezone.utc:
        minutes = int(zone.utcoffset(None).total_seconds()) // 60
        return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    return str(zone)


def _numbers(values: Any) -> tuple[Any, ...]:
    if values.dtype.kind == "b":
        return ("bool", None, values.tobytes())
    if values.dtype.kind in "Mm":
        return _moments(values, "")
    return ("fixed", str(values.dtype), _validity(values) if values.dtype.kind == "f" else None, _bytes(values))


def _moments(values: Any, zone: str) -> tuple[Any, ...]:
    kind = "timestamp" if values.dtype.kind == "M" else "duration"
    # Files have no moments in seconds.
    if kind == "timestamp" and np.datetime_data(values.dtype)[0] == "s":
        values = values.astype("datetime64[ms]")
    unit = np.datetime_data(values.dtype)[0]
    return ("fixed", f"{kind}[{unit}{zone}]", _validity(values), _bytes(values.view("int64")))


def _objects(values: Any, name: str) -> tuple[Any, ...]:
    """Of the type that all objects have."""
    kind = pd.api.types.infer_dtype(values, skipna=True)
    there = [value for value in values if not _is_missing(value)]
    if not there:
        return ("null", len(values))
    if kind == "string":
        return ("string", _or_none(values))
    if kind == "bytes":
        return ("binary", _or_none(values))
    if kind == "boolean":
        return (
            "bool",
            _validity(values),
            bytes(value is not None and value is not pd.NA and value == True for value in values),
        )  # noqa: E712
    if kind == "integer":
        return (
            "fixed",
            "int64",
            _validity(values),
            _bytes(np.array([0 if _is_missing(value) else value for value in values], "int64")),
        )
    if kind in ("floating", "mixed-integer-float"):
        numbers = np.array([np.nan if _is_missing(value) else value for value in values], "float64")
        return ("fixed", "float64", _validity(values), _bytes(numbers))
    if kind == "date":
        days = [0 if _is_missing(value) else (value - _EPOCH).days for value in values]
        return ("fixed", "date32", _validity(values), _bytes(np.array(days, "int32")))
    if kind == "time":
        counts = [0 if _is_missing(value) else _count(value) for value in values]
        return ("fixed", "time64[us]", _validity(values), _bytes(np.array(counts, "int64")))
    if kind == "datetime":
        return to_column(pd.DatetimeIndex(pd.Series(values)).array, name)
    if kind == "timedelta":
        return to_column(pd.TimedeltaIndex(pd.Series(values)).array, name)
    if kind == "decimal":
        return _decimals(values, there)
    if all(isinstance(value, dict) for value in there):
        return _struct(values, there, name)
    if all(isinstance(value, (list, tuple, np.ndarray)) for value in there):
        return _list(values, name)
    kinds = sorted({type(value).__name__ for value in there})
    raise TypeError(f"the column {name!r} has objects of several types ({', '.join(kinds)}): convert them to one")


def _decimals(values: Any, there: list[Decimal]) -> tuple[Any, ...]:
    parts = [value.as_tuple() for value in there if value.is_finite()]
    scale = max(0, *(-int(part.exponent) for part in parts), 0) if parts else 0
    whole = max((len(part.digits) + int(part.exponent) for part in parts), default=1)
    precision = max(1, whole + scale)
    if precision > 38:
        raise ValueError(f"decimals of {precision} digits can't be written: a file has at most 38")
    numbers = []
    for value in values:
        sign, digits, exponent = (0, (0,), 0) if _is_missing(value) else value.as_tuple()
        number = int("".join(map(str, digits))) * 10 ** (scale + int(exponent))
        numbers.append((-number if sign else number).to_bytes(16, "little", signed=True))
    return ("fixed", f"decimal128({precision}, {scale})", _validity(values), b"".join(numbers))


def _struct(values: Any, there: list[dict[str, Any]], name: str) -> tuple[Any, ...]:
    names = list(dict.fromkeys(key for value in there for key in value))
    parts = []
    for key in names:
        part = _array([None if _is_missing(value) else value.get(key) for value in values])
        parts.append(_objects(part, f"{name}.{key}"))
    return ("struct", len(values), _validity(values), names, parts)


def _list(values: Any, name: str) -> tuple[Any, ...]:
    lists = [() if _is_missing(value) else value for value in values]
    offsets = np.array([0, *itertools.accumulate(len(value) for value in lists)], "<i4").tobytes()
    arrays = [value for value in lists if len(value)]
    if arrays and all(isinstance(value, np.ndarray) and value.dtype == arrays[0].dtype != object for value in arrays):
        elements = _numbers(np.concatenate(arrays))
    else:
        elements = _objects(_array([element for value in lists for element in value]), f"{name}[]")
    return ("list", _validity(values), offsets, elements)


def _count(value: dt.time) -> int:
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond


def _array(values: list[Any]) -> Any:
    array = np.empty(len(values), object)
    for place, value in enumerate(values):
        array[place] = value
    return array


def _is_missing(value: Any) -> bool:
    return (
        value is None or value is pd.NA or value is pd.NaT or (isinstance(value, (float, Decimal)) and value != value)
    )


def _or_none(values: Any) -> list[Any]:
    return [None if _is_missing(value) else value for value in values]


def _validity(values: Any) -> bytes | None:
    """One byte for each value, none where all are there."""
    missing = (
        np.array([_is_missing(value) for value in values], bool)
        if values.dtype == object
        else np.asarray(pd.isna(values))
    )
    return (~missing).tobytes() if missing.any() else None


def _bytes(values: Any) -> bytes:
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
