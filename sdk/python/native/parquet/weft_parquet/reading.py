"""Columns of the library as pandas' arrays, of the types that pyarrow's `Table.to_pandas` makes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

_EPOCH = dt.date(1970, 1, 1)
_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}
#: Integers and floats by numpy's name, with pandas' type that has missing values.
_NULLABLE = {
    "int8": "Int8", "int16": "Int16", "int32": "Int32", "int64": "Int64", "uint8": "UInt8", "uint16": "UInt16", "uint32": "UInt32",
    "uint64": "UInt64", "float32": "Float32", "float64": "Float64",
}  # fmt: skip


def to_array(column: tuple[Any, ...], dtype: Any = None, nullable: bool = False) -> Any:
    """An array of `dtype`, if it is one of pandas' own that fits; with `nullable`, of one that has missing values."""
    kind = column[0]
    if kind == "string":
        return _text(column[1], dtype, nullable)
    if kind == "bool":
        _, valid, data = column
        values, missing = np.frombuffer(data, bool).copy(), _missing(valid)
        if nullable or isinstance(dtype, pd.BooleanDtype):
            return pd.arrays.BooleanArray(values, np.zeros(len(values), bool) if missing is None else missing)
        return values if missing is None else _with_none(values.astype(object), missing)
    if kind == "fixed":
        return _fixed(*column[1:], dtype, nullable)
    if kind == "dictionary":
        _, codes, values, ordered = column
        categories = pd.Index(to_array(values))
        found = pd.Categorical.from_codes(np.frombuffer(codes, "<i4"), categories, ordered=ordered)
        if "" in categories and found.isna().any() and not (found == "").any():
            # The library's place of what is missing, where the file has no dictionary.
            found = found.remove_categories([""])
            categories = found.categories
        if isinstance(dtype, pd.CategoricalDtype) and categories.isin(dtype.categories).all():
            return found.set_categories(dtype.categories.astype(categories.dtype), ordered=dtype.ordered)
        return found
    if kind == "null":
        return np.full(column[1], None, object)
    return _objects(to_list(column))


def to_list(column: tuple[Any, ...]) -> list[Any]:
    """A column as Python's own values, `None` where one is missing."""
    kind = column[0]
    if kind in ("string", "binary"):
        return column[1]
    if kind == "struct":
        _, length, valid, names, parts = column
        fields = [to_list(part) for part in parts]
        rows = [dict(zip(names, values)) for values in zip(*fields)] if fields else [{} for _ in range(length)]
        return _without(rows, valid)
    if kind == "list":
        _, valid, offsets, values = column
        elements = _plain(values)
        return _without([elements[start:end] for start, end in _spans(offsets)], valid)
    if kind == "map":
        _, valid, offsets, keys, values = column
        pairs = list(zip(to_list(keys), to_list(values)))
        return _without([pairs[start:end] for start, end in _spans(offsets)], valid)
    if kind == "dictionary":
        categories = to_list(column[2])
        return [None if code < 0 else categories[code] for code in np.frombuffer(column[1], "<i4")]
    array = to_array(column, nullable=kind == "bool" or column[1] in _NULLABLE)
    return [None if value is pd.NaT or value is pd.NA else value for value in pd.Series(array).astype(object)]


def _plain(column: tuple[Any, ...]) -> Any:
    """The elements of lists, as numpy has them."""
    if column[0] in ("fixed", "bool"):
        array = to_array(column)
        return array if isinstance(array, np.ndarray) else _objects(list(array))
    return _objects(to_list(column))


def _text(values: list[str | None], dtype: Any, nullable: bool) -> Any:
    if nullable:
        return pd.array(values, dtype=pd.StringDtype())
    if isinstance(dtype, pd.StringDtype):
        return pd.array(values, dtype=dtype)
    return pd.array(values, dtype=pd.StringDtype(na_value=np.nan))


def _fixed(kind: str, valid: bytes | None, data: bytes, dtype: Any, nullable: bool) -> Any:
    missing = _missing(valid)
    name, _, rest = kind.partition("[")
    unit, _, zone = rest.rstrip("]").partition(", ")
    if name in ("timestamp", "duration"):
        values = np.frombuffer(data, f"<{'M' if name == 'timestamp' else 'm'}8[{unit}]").copy()
        if missing is not None:
            values[missing] = "NaT"
        return pd.DatetimeIndex(values).tz_localize("UTC").tz_convert(zone).array if zone else values
    if name.startswith("decimal"):
        return _decimals(kind, missing, data)
    if name == "date32":
        days = np.frombuffer(data, "<i4").tolist()
        return _with_none(_objects([_EPOCH + dt.timedelta(day) for day in days]), missing)
    if name == "date64":
        days = (np.frombuffer(data, "<i8") // 86_400_000).tolist()
        return _with_none(_objects([_EPOCH + dt.timedelta(day) for day in days]), missing)
    if name.startswith("time"):
        counts = np.frombuffer(data, f"<i{name[4:6] == '32' and 4 or 8}").tolist()
        return _with_none(_objects([_time(count, _SECOND[unit]) for count in counts]), missing)
    values = np.frombuffer(data, np.dtype(name).newbyteorder("<")).copy()
    if name in _NULLABLE and (nullable or isinstance(dtype, (*_INTEGERS, *_FLOATS))):
        wanted = (
            dtype
            if isinstance(dtype, (*_INTEGERS, *_FLOATS)) and not nullable
            else pd.api.types.pandas_dtype(_NULLABLE[name])
        )
        array = pd.arrays.IntegerArray if values.dtype.kind in "iu" else pd.arrays.FloatingArray
        return array(values, np.zeros(len(values), bool) if missing is None else missing).astype(wanted)
    if missing is None:
        return values
    if values.dtype.kind in "iu":
        values = values.astype("float64")
    values[missing] = np.nan
    return values


_INTEGERS = (
    pd.Int8Dtype, pd.Int16Dtype, pd.Int32Dtype, pd.Int64Dtype, pd.UInt8Dtype, pd.UInt16Dtype, pd.UInt32Dtype, pd.UInt64Dtype,
)  # fmt: skip
_FLOATS = (pd.Float32Dtype, pd.Float64Dtype)


def _decimals(kind: str, missing: Any, data: bytes) -> Any:
    name, _, rest = kind.partition("(")
    scale = int(rest.rstrip(")").partition(", ")[2])
    width = int(name.removeprefix("decimal")) // 8
    numbers = (int.from_bytes(data[at : at + width], "little", signed=True) for at in range(0, len(data), width))
    return _with_none(_objects([Decimal(f"{number}E{-scale}") for number in numbers]), missing)


def _time(count: int, second: int) -> dt.time:
    seconds, rest = divmod(count, second)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return dt.time(hours, minutes, seconds, rest * 1_000_000 // second)


def _spans(offsets: bytes) -> Any:
    places = np.frombuffer(offsets, "<i4").tolist()
    return zip(places, places[1:])


def _missing(valid: bytes | None) -> Any:
    return None if valid is None else np.frombuffer(valid, np.uint8) == 0


def _without(values: list[Any], valid: bytes | None) -> list[Any]:
    return values if valid is None else [value if there else None for value, there in zip(values, valid)]


def _with_none(values: Any, missing: Any) -> Any:
    if missing is not None:
        values[missing] = None
    return values


def _objects(values: list[Any]) -> Any:
    """An array of objects, which numpy would look into."""
    array = np.empty(len(values), object)
    for place, value in enumerate(values):
        array[place] = value
    return array
