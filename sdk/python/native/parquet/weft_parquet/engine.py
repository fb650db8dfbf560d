"""What pandas calls an engine."""

from __future__ import annotations

import json
from typing import Any, Sequence

import pandas as pd
import pandas.io.parquet
from pandas.io.common import get_handle

from weft_parquet import _parquet, metadata
from weft_parquet.filters import mask, names_in
from weft_parquet.reading import to_array
from weft_parquet.writing import to_column

#: As many as pyarrow puts into a row group.
_ROW_GROUP_ROWS = 1024 * 1024
#: Where pandas keeps `DataFrame.attrs`.
_ATTRS = "PANDAS_ATTRS"


def install() -> None:
    """Has pandas choose this engine where none is named."""
    others = pandas.io.parquet.get_engine

    def get_engine(engine: str) -> Any:
        if engine == "auto":
            engine = pd.get_option("io.parquet.engine")
        return Engine() if engine == "auto" else others(engine)

    pandas.io.parquet.get_engine = get_engine


class Engine(pandas.io.parquet.BaseImpl):
    """Reads and writes files by Rust's `parquet`."""

    def write(
        self,
        df: pd.DataFrame,
        path: Any,
        compression: str | None = "snappy",
        index: bool | None = None,
        storage_options: Any = None,
        partition_cols: list[str] | None = None,
        filesystem: Any = None,
        compression_level: int | None = None,
        row_group_size: int = _ROW_GROUP_ROWS,
        **others: Any,
    ) -> None:
        self.validate_dataframe(df)
        _refuse(partition_cols=partition_cols, filesystem=filesystem, **others)
        described, arrays = metadata.describe(df, index)
        columns = [(name, to_column(array, name)) for name, array in arrays]
        pairs = [("pandas", json.dumps(described))]
        if df.attrs:
            pairs.append((_ATTRS, json.dumps(df.attrs)))
        written = _parquet.write(
            columns, len(df), pairs, (compression or "none").lower(), compression_level, row_group_size
        )
        with get_handle(path, "wb", is_text=False, storage_options=storage_options) as handles:
            handles.handle.write(written)  # type: ignore[call-overload]

    def read(
        self,
        path: Any,
        columns: Sequence[str] | None = None,
        filters: Any = None,
        dtype_backend: Any = pd.api.extensions.no_default,
        storage_options: Any = None,
        filesystem: Any = None,
        to_pandas_kwargs: dict[str, Any] | None = None,
        **others: Any,
    ) -> pd.DataFrame:
        _refuse(filesystem=filesystem, to_pandas_kwargs=to_pandas_kwargs, **others)
        if dtype_backend == "pyarrow":
            raise ValueError("dtype_backend='pyarrow' needs pyarrow, which the sandbox doesn't have")
        with get_handle(path, "rb", is_text=False, storage_options=storage_options) as handles:
            data: bytes = handles.handle.read()  # type: ignore[assignment]
        names, rows, pairs = _parquet.schema(data)
        described = metadata.Description(json.loads(pairs["pandas"]) if "pandas" in pairs else {})
        if len(set(names)) < len(names):
            raise ValueError(f"the file has several columns of one name: {', '.join(names)}")
        kept = (
            names if columns is None else [*columns, *(name for name in described.index_names if name not in columns)]
        )
        needed = {*kept, *names_in(filters)}
        if missing := [name for name in needed if name not in names]:
            raise ValueError(f"the file has no column {missing[0]!r}: its columns are {', '.join(names)}")
        nullable = dtype_backend == "numpy_nullable"
        found = _parquet.read(data, [position for position, name in enumerate(names) if name in needed])
        arrays = {name: to_array(column, described.dtype(name), nullable) for name, column in found}
        frame = pd.DataFrame(arrays, index=pd.RangeIndex(rows), copy=False)
        if filters is not None:
            frame = frame[mask(frame, filters)].reset_index(drop=True)
        frame = described.restore(frame[kept])
        if _ATTRS in pairs:
            frame.attrs = json.loads(pairs[_ATTRS])
        return frame


def _refuse(**options: Any) -> None:
    """Refuses what is set of pyarrow's further options."""
    for name, value in options.items():
        if value is not None:
            raise NotImplementedError(
                f"the option {name} of pyarrow is missing here: weft-parquet reads and writes single files, with compression, "
                "compression_level, row_group_size, index, columns, filters and dtype_backend"
            )
