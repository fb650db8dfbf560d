"""Work with pandas and numpy on data that is generated here. The same file runs in the sandbox and natively."""

import io
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

ROWS = 1_000_000
KEYS = 10_000
CSV_ROWS = 100_000
SIDE = 500


def numbers() -> pd.DataFrame:
    random = np.random.default_rng(1)
    keys = random.integers(0, KEYS, ROWS, dtype="int64")
    return pd.DataFrame({"key": keys, "value": random.random(ROWS)})


def group_by() -> Callable[[], object]:
    frame = numbers()
    return lambda: frame.groupby("key")["value"].agg(["sum", "mean", "max"])


def join() -> Callable[[], object]:
    frame = numbers()
    others = pd.DataFrame({"key": np.arange(KEYS, dtype="int64"), "factor": np.arange(KEYS, dtype="float64")})
    return lambda: frame.merge(others, on="key")


def read_csv() -> Callable[[], object]:
    random = np.random.default_rng(1)
    columns = {"id": np.arange(CSV_ROWS, dtype="int64"), "value": random.random(CSV_ROWS), "other": random.random(CSV_ROWS)}
    text = pd.DataFrame(columns).assign(name="a name of some letters").to_csv(index=False)
    return lambda: pd.read_csv(io.StringIO(text))


def matrix_product() -> Callable[[], object]:
    random = np.random.default_rng(1)
    one, other = random.random((SIDE, SIDE)), random.random((SIDE, SIDE))
    return lambda: one @ other


def measure(name: str, repetitions: int) -> list[float]:
    """The seconds of each repetition, after one that does not count."""
    work = {"group_by": group_by, "join": join, "read_csv": read_csv, "matrix_product": matrix_product}[name]()
    taken = []
    for _ in range(repetitions + 1):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return taken[1:]
