"""Files go to pyarrow and back. Needs the library built for this machine's Python:

cargo build --release && cp target/release/libweft_parquet.so weft_parquet/_parquet.so
pip install pytest pandas pyarrow && python -m pytest tests
"""

import datetime as dt
import io
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from pandas.io.parquet import PyArrowImpl

sys.path.insert(0, str(Path(__file__).parents[1]))

from weft_parquet import Engine  # noqa: E402

TWO_DAYS = pd.to_datetime(["2026-01-01", "2026-07-02"])
FRAMES = {
    "numbers": pd.DataFrame(
        {
            "int": [1, 2],
            "int8": np.array([1, -2], "int8"),
            "uint64": np.array([1, 2**63], "uint64"),
            "float": [1.5, np.nan],
            "float32": np.array([1.5, 2], "float32"),
            "float16": np.array([1.5, 2], "float16"),
            "bool": [True, False],
            "decimal": [Decimal("1.5"), Decimal("-123.25")],
        }
    ),
    "missing": pd.DataFrame(
        {
            "Int64": pd.array([1, None], "Int64"),
            "UInt32": pd.array([1, None], "UInt32"),
            "Float64": pd.array([1.5, None], "Float64"),
            "boolean": pd.array([True, None], "boolean"),
            "string": pd.array(["a", None], "string"),
            "str": ["ä", None],
            "bytes": [b"x", None],
            "bools": pd.Series([True, None], dtype=object),
            "ints": pd.Series([1, None], dtype=object),
            "texts": pd.Series(["a", None], dtype=object),
            "none": pd.Series([None, None], dtype=object),
        }
    ),
    "times": pd.DataFrame(
        {
            "us": pd.to_datetime(["2026-01-01", None]),
            "ns": TWO_DAYS.as_unit("ns"),
            "ms": TWO_DAYS.as_unit("ms"),
            "s": TWO_DAYS.as_unit("s"),
            "zone": TWO_DAYS.tz_localize("Europe/Berlin"),
            "utc": TWO_DAYS.tz_localize("UTC"),
            "offset": TWO_DAYS.tz_localize(dt.timezone(dt.timedelta(hours=-2, minutes=-30))),
            "span": pd.to_timedelta([1, 2], unit="s"),
            "date": [dt.date(1969, 12, 31), None],
            "time": [dt.time(1, 2, 3, 4), None],
        }
    ),
    "categories": pd.DataFrame(
        {
            "ordered": pd.Categorical(["x", "y"], ["x", "y"], ordered=True),
            "missing": pd.Categorical(["x", None]),
        }
    ),
    "nested": pd.DataFrame(
        {
            "list": [[1, 2], None],
            "arrays": [np.array([1.5]), np.array([2.5, 3])],
            "texts": [["a", None], []],
            "struct": [{"a": 1, "b": "x"}, None],
            "deep": [[[1], [2, 3]], [[]]],
            "structs": [[{"a": 1}], []],
        }
    ),
    "index of text": pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key")),
    "index of a column's name": pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 6], name="a")),
    "index of times": pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2026", periods=2, tz="Europe/Berlin", name="t")),
    "index of categories": pd.DataFrame({"a": [1, 2]}, index=pd.CategoricalIndex(["u", "v"])),
    "range": pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(3, 7, 2, name="r")),
    "several levels": pd.DataFrame(
        {"a": [1, 2]}, index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["p", None])
    ),
    "levels of columns": pd.DataFrame(
        [[1, 2]], columns=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["p", "q"])
    ),
    "columns of numbers": pd.DataFrame({0: [1], 1: [2]}),
    "columns of times": pd.DataFrame([[1, 2]], columns=TWO_DAYS),
    "named columns": pd.DataFrame([[1]], columns=pd.Index(["a"], name="n")),
    "no rows": pd.DataFrame({"a": pd.Series([], dtype="int64"), "s": pd.Series([], dtype="str")}),
    "no columns": pd.DataFrame(index=pd.RangeIndex(3)),
}


class Kept(io.BytesIO):
    """pyarrow closes what it writes to."""

    def close(self):
        pass


def written(engine, frame, **options):
    file = Kept()
    engine.write(frame, file, **options)
    return file.getvalue()


def read(engine, data, **options):
    return engine.read(io.BytesIO(data), **options)


def check(found, expected):
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert found.attrs == expected.attrs


@pytest.mark.parametrize("index", [None, True, False])
@pytest.mark.parametrize("name", FRAMES)
def test_both_write_what_the_other_reads(name, index):
    theirs = written(PyArrowImpl(), FRAMES[name], index=index)
    ours = written(Engine(), FRAMES[name], index=index)
    expected = read(PyArrowImpl(), theirs)
    check(read(Engine(), theirs), expected)
    check(read(PyArrowImpl(), ours), expected)
    check(read(Engine(), ours), expected)


@pytest.mark.parametrize("compression", ["snappy", "gzip", "zstd", "lz4", None])
def test_both_read_each_compression_and_several_row_groups(compression):
    draw = np.random.default_rng(1)
    frame = pd.DataFrame({"x": draw.normal(size=50_000), "c": pd.Categorical(draw.choice(["a", "b"], 50_000))})
    frame["s"] = draw.integers(0, 1000, 50_000).astype(str)
    frame.attrs = {"made": "here"}
    for engine, other in ((Engine(), PyArrowImpl()), (PyArrowImpl(), Engine()), (Engine(), Engine())):
        check(read(other, written(engine, frame, compression=compression, row_group_size=7000)), frame)


@pytest.mark.parametrize(
    "options",
    [
        {"dtype_backend": "numpy_nullable"},
        {"columns": ["a", "s"]},
        {"filters": [("a", ">", 1)]},
        {"columns": ["s"], "filters": [("a", "in", [2, 3])]},
        {"filters": [[("a", "==", 1)], [("f", ">", 9)]]},
        {"filters": [("s", "not in", ["x"])]},
        {"filters": [("s", "!=", "x")]},
    ],
)
def test_a_part_is_read_as_pyarrow_reads_it(options):
    frame = pd.DataFrame({"a": [1, 2, 3], "f": [1.5, np.nan, 10], "s": ["x", None, "z"]})
    data = written(PyArrowImpl(), frame)
    check(read(Engine(), data, **options), read(PyArrowImpl(), data, **options))


@pytest.mark.parametrize(
    "options", [{}, {"use_dictionary": False}, {"data_page_version": "2.0"}, {"store_schema": False}]
)
def test_types_that_pandas_does_not_write_are_read(options):
    table = pa.table(
        {
            "large": pa.array(["a", None], pa.large_string()),
            "view": pa.array(["a", None], pa.string_view()),
            "ints": pa.array([1, None]),
            "bools": pa.array([True, None]),
            "date64": pa.array([dt.date(2026, 1, 1), None], pa.date64()),
            "time32": pa.array([1000, None], pa.time32("ms")),
            "time64": pa.array([1000, None], pa.time64("ns")),
            "fixed list": pa.array([[1, 2], [3, 4]], pa.list_(pa.int32(), 2)),
            "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
            "decimal256": pa.array([Decimal("1.5"), None], pa.decimal256(50, 2)),
            "fixed bytes": pa.array([b"ab", None], pa.binary(2)),
            "dictionary": pa.array(["x", None]).dictionary_encode(),
            "large list": pa.array([[1], None], pa.large_list(pa.int8())),
            "nulls": pa.nulls(2),
        }
    )
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file, **options)
    check(read(Engine(), file.getvalue()), read(PyArrowImpl(), file.getvalue()))


@pytest.mark.parametrize("data", [b"", b"PAR1", b"x" * 100, b"PAR1" + bytes(20) + b"PAR1"])
def test_what_is_no_file_is_refused(data):
    with pytest.raises(ValueError):
        read(Engine(), data)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({"p": pd.period_range("2026", periods=2, freq="M")}), "column 'p' has the type period"),
        (pd.DataFrame({"m": [1, "a"]}), "column 'm' has objects of several types"),
        (pd.DataFrame({"c": [1j]}), "column 'c' has the type complex128"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "several columns have the name 'a'"),
    ],
)
def test_what_a_file_cannot_have_is_named(frame, words):
    with pytest.raises((TypeError, ValueError), match=words):
        written(Engine(), frame)


def test_categories_keep_their_order_their_type_and_those_that_no_row_has():
    """pyarrow keeps those of numbers as numbers, and reads of this engine's files the categories that rows have, as they come."""
    kinds = [pd.Categorical(["x", "y"], ["y", "z", "x"], ordered=True), pd.Categorical([3, None], [4, 3])]
    frame = pd.DataFrame({"text": kinds[0], "number": kinds[1]})
    check(read(Engine(), written(Engine(), frame)), frame)


def test_pandas_takes_this_engine_where_none_is_named():
    assert isinstance(pd.io.parquet.get_engine("auto"), Engine)
    assert isinstance(pd.io.parquet.get_engine("pyarrow"), PyArrowImpl)
    with pytest.raises(NotImplementedError, match="partition_cols"):
        FRAMES["numbers"].to_parquet(io.BytesIO(), partition_cols=["int"])
