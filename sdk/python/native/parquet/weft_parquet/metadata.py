"""The metadata under the key `pandas`, in which pyarrow keeps the index and types that a file's own don't tell.

Its format: https://pandas.pydata.org/docs/development/developer.html#storing-pandas-dataframe-objects-in-apache-parquet-format
"""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pandas as pd

from weft_parquet.writing import zone_name


def describe(frame: pd.DataFrame, keeps_index: bool | None) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    """The metadata of a frame, and the arrays that are written, with their names: those of the columns, then those of the index."""
    names = [_text(name) for name in frame.columns]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"several columns have the name {repeated[0]!r}")
    columns = [
        _column(label, name, frame.iloc[:, place].array)
        for place, (label, name) in enumerate(zip(frame.columns, names))
    ]
    arrays = [(name, frame.iloc[:, place].array) for place, name in enumerate(names)]
    index_columns: list[Any] = []
    if keeps_index is None and isinstance(frame.index, pd.RangeIndex):
        index = frame.index
        index_columns.append(
            {
                "kind": "range",
                "name": _or_text(index.name),
                "start": index.start,
                "stop": index.stop,
                "step": index.step,
            }
        )
    elif keeps_index is not False:
        for place in range(frame.index.nlevels):
            level = frame.index.get_level_values(place)
            name = (
                _text(level.name)
                if level.name is not None and _text(level.name) not in names
                else f"__index_level_{place}__"
            )
            index_columns.append(name)
            columns.append(_column(level.name, name, level.array))
            arrays.append((name, level.array))
    # As pyarrow: without the index, the labels of the columns are texts.
    kept = frame.columns.nlevels if keeps_index is not False else 0
    labels = [_level_of_columns(frame.columns, place) for place in range(kept)]
    described = {
        "index_columns": index_columns,
        "column_indexes": labels,
        "columns": columns,
        "attributes": {},
        "creator": {"library": "weft-parquet", "version": "1.0.0"},
        "pandas_version": pd.__version__,
    }
    return described, arrays


def _text(label: Any) -> str:
    """A label as the name of a column: one of several levels is a tuple of texts."""
    return str(tuple(str(part) for part in label)) if isinstance(label, tuple) else str(label)


def _or_text(label: Any) -> str | None:
    return None if label is None else _text(label)


def _column(label: Any, name: str, array: Any) -> dict[str, Any]:
    pandas_type, numpy_type, about = _types(array)
    return {
        "name": _or_text(label), "field_name": name, "pandas_type": pandas_type, "numpy_type": numpy_type, "metadata": about,
    }  # fmt: skip


def _types(array: Any) -> tuple[str, str, dict[str, Any] | None]:
    dtype = array.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        about: dict[str, Any] = {"num_categories": len(dtype.categories), "ordered": bool(dtype.ordered)}
        if pd.api.types.is_string_dtype(dtype.categories) or pd.api.types.is_integer_dtype(dtype.categories):
            # The library writes them in the order in which they appear, and none that does not.
            about["categories"] = dtype.categories.tolist()
        return "categorical", str(array.codes.dtype), about
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "datetimetz", f"datetime64[{dtype.unit}]", {"timezone": zone_name(dtype.tz)}
    numpy_type = str(dtype)
    if isinstance(dtype, pd.StringDtype):
        return "unicode", numpy_type, None
    if numpy_type.startswith("datetime64"):
        return "datetime", numpy_type, None
    if numpy_type == "object":
        kind = pd.api.types.infer_dtype(array, skipna=True)
        kinds = {
            "string": "unicode",
            "bytes": "bytes",
            "date": "date",
            "time": "time",
            "decimal": "decimal",
            "boolean": "bool",
        }
        return kinds.get(kind, "object"), numpy_type, None
    return {"boolean": "bool"}.get(numpy_type, numpy_type.lower()), numpy_type, None


def _level_of_columns(columns: pd.Index, place: int) -> dict[str, Any]:
    level = columns.levels[place] if isinstance(columns, pd.MultiIndex) else columns
    name = _or_text(columns.names[place])
    dtype = str(level.dtype)
    if dtype in ("object", "str", "string"):
        return {
            "name": name,
            "field_name": name,
            "pandas_type": "unicode",
            "numpy_type": dtype,
            "metadata": {"encoding": "UTF-8"},
        }
    kind = "datetime" if dtype.startswith("datetime64") else dtype
    return {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": dtype, "metadata": None}


class Description:
    """The metadata of a file, which may have none."""

    def __init__(self, described: dict[str, Any]):
        self._index = described.get("index_columns", [])
        self._levels = described.get("column_indexes", [])
        # Early versions had no names of fields.
        self._columns = {column.get("field_name", column["name"]): column for column in described.get("columns", [])}

    @property
    def index_names(self) -> list[str]:
        """The columns that are the index."""
        return [entry for entry in self._index if isinstance(entry, str)]

    def dtype(self, name: str) -> Any:
        """pandas' own type of a column that a file's type doesn't tell, and none for numpy's."""
        numpy_type = self._columns.get(name, {}).get("numpy_type")
        if numpy_type is None:
            return None
        about = self._columns[name].get("metadata") or {}
        if "categories" in about:
            return pd.CategoricalDtype(about["categories"], about.get("ordered"))
        try:
            dtype = pd.api.types.pandas_dtype(numpy_type)
        except TypeError:
            return None
        return None if isinstance(dtype, np.dtype) else dtype

    def restore(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Gives a frame its index and the labels of its columns."""
        levels, names = [], []
        for entry in self._index:
            if isinstance(entry, dict):
                index = pd.RangeIndex(entry["start"], entry["stop"], entry["step"], name=entry["name"])
                # Of a frame of which rows were left out nothing is left of it.
                frame.index = index if len(index) == len(frame) else pd.RangeIndex(len(frame))
            elif entry in frame.columns:
                levels.append(frame.pop(entry))
                names.append(self._columns[entry]["name"] if entry in self._columns else entry)
        if len(levels) == 1:
            frame.index = pd.Index(levels[0].array, name=names[0])
        elif levels:
            frame.index = pd.MultiIndex.from_arrays(levels, names=names)
        frame.columns = self._labels(frame.columns)
        return frame

    def _labels(self, columns: pd.Index) -> pd.Index:
        if not self._levels:
            return columns if len(columns) else pd.Index([], dtype=object)
        names = [level.get("name") for level in self._levels]
        if len(self._levels) == 1:
            return _typed(columns, self._levels[0]["numpy_type"]).rename(names[0])
        labels = [ast.literal_eval(column) for column in columns]
        arrays = [
            _typed(pd.Index([label[place] for label in labels]), level["numpy_type"])
            for place, level in enumerate(self._levels)
        ]
        return pd.MultiIndex.from_arrays(arrays, names=names)


def _typed(labels: pd.Index, numpy_type: str) -> pd.Index:
    """Labels of the type that they had before they became names of columns."""
    if numpy_type in ("object", "str", "string"):
        return labels
    if numpy_type == "bool":
        return pd.Index([label == "True" for label in labels])
    try:
        return pd.Index(labels.astype(object)).astype(numpy_type)
    except (TypeError, ValueError):
        return labels
