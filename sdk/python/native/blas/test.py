"""Compares the functions of this BLAS, compiled for this machine, with NumPy's own results on random calls.

    python test.py

Calls take all orders, transposes, paddings, increments and scales, also of empty operands. What a call does not
own (the padding of rows, the other triangle) has to be as it was.
"""

from __future__ import annotations

import ctypes
import random
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

TYPES: dict[str, Any] = {"s": np.float32, "d": np.float64, "c": np.complex64, "z": np.complex128}
ROW_MAJOR, COLUMN_MAJOR = 101, 102
PLAIN, TRANSPOSED, CONJUGATED = 111, 112, 113
UPPER, LOWER = 121, 122
CALLS = 500
SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 17, 33]
#: Beyond the sizes of a block.
LARGE = [1, 5, 97, 130, 257, 600]


class Calls:
    """Calls of the functions of one type."""

    def __init__(self, library: ctypes.CDLL, prefix: str):
        self.library, self.prefix, self.type = library, prefix, TYPES[prefix]
        self.numbers = np.random.default_rng(3)
        self.is_complex = prefix in "cz"

    def function(self, name: str) -> Any:
        return getattr(self.library, f"cblas_{self.prefix}{name}")

    def array(self, *shape: int) -> Any:
        values = self.numbers.standard_normal(shape)
        if self.is_complex:
            return (values + 1j * self.numbers.standard_normal(shape)).astype(self.type)
        return values.astype(self.type)

    def scale(self, choices: list[complex]) -> tuple[complex, Any]:
        value = random.choice(choices)
        if not self.is_complex:
            value = value.real
            return value, (ctypes.c_float if self.prefix == "s" else ctypes.c_double)(value)
        kind = ctypes.c_float if self.prefix == "c" else ctypes.c_double
        return value, ctypes.byref((kind * 2)(value.real, value.imag))

    def matrix(self, order: int, transposed: int, rows: int, columns: int) -> tuple[Any, int, Any]:
        """What is stored, its leading dimension, and the operand that it is, as a view where it isn't conjugated."""
        if transposed != PLAIN:
            rows, columns = columns, rows
        padding = random.choice([0, 0, 3])
        if order == ROW_MAJOR:
            stored = self.array(rows, columns + padding)
            view = stored[:, :columns]
        else:
            stored = self.array(columns, rows + padding)
            view = stored[:, :rows].T
        operand = {PLAIN: view, TRANSPOSED: view.T, CONJUGATED: view.T.conj()}[transposed]
        return stored, max(1, stored.shape[1]), operand

    def vector(self, size: int) -> tuple[Any, int, Any]:
        increment = random.choice([1, 1, 2, -1, -3])
        stored = self.array(max(1, size * abs(increment)))
        used = stored[: max(0, (size - 1) * abs(increment) + 1)]
        return stored, increment, used[::increment][:size]

    def near(self, found: Any, expected: Any, terms: int) -> None:
        tolerance = (1e-4 if self.prefix in "sc" else 1e-12) * max(1, terms)
        assert np.abs(np.asarray(found) - expected).max(initial=0) < tolerance

    def gemm(self, m: int, n: int, k: int) -> None:
        order = random.choice([ROW_MAJOR, COLUMN_MAJOR])
        trans_a, trans_b = random.choices([PLAIN, TRANSPOSED, CONJUGATED], k=2)
        (a, lda, left), (b, ldb, right) = self.matrix(order, trans_a, m, k), self.matrix(order, trans_b, k, n)
        c, ldc, result = self.matrix(order, PLAIN, m, n)
        alpha, given_alpha = self.scale([1, 1, 0, -1, 2.5 - 1j])
        beta, given_beta = self.scale([0, 0, 1, 0.5])
        expected = alpha * (wide(left) @ wide(right)) + beta * wide(result)
        if beta == 0:
            result[...] = np.nan
        before = c.copy()
        self.function("gemm")(
            order, trans_a, trans_b, m, n, k, given_alpha, at(a), lda, at(b), ldb, given_beta, at(c), ldc
        )
        self.near(result, expected, k)
        used = n if order == ROW_MAJOR else m
        assert np.array_equal(c[:, used:], before[:, used:])

    def syrk(self, n: int, k: int) -> None:
        order, uplo = random.choice([ROW_MAJOR, COLUMN_MAJOR]), random.choice([UPPER, LOWER])
        trans = random.choice([PLAIN, TRANSPOSED])
        (a, lda, left), (c, ldc, result) = self.matrix(order, trans, n, k), self.matrix(order, PLAIN, n, n)
        alpha, given_alpha = self.scale([1, 0, -1, 2.5 - 1j])
        beta, given_beta = self.scale([0, 1, 0.5])
        expected, before = alpha * (wide(left) @ wide(left).T) + beta * wide(result), result.copy()
        self.function("syrk")(order, uplo, trans, n, k, given_alpha, at(a), lda, given_beta, at(c), ldc)
        triangle = np.triu(np.ones((n, n), bool)) if uplo == UPPER else np.tril(np.ones((n, n), bool))
        self.near(result[triangle], expected[triangle], k)
        assert np.array_equal(result[~triangle], before[~triangle])

    def gemv(self, m: int, k: int) -> None:
        order, trans = random.choice([ROW_MAJOR, COLUMN_MAJOR]), random.choice([PLAIN, TRANSPOSED, CONJUGATED])
        a, lda, left = self.matrix(order, trans, m, k)
        (x, incx, right), (y, incy, result) = self.vector(k), self.vector(m)
        alpha, given_alpha = self.scale([1, 1, 0, -1, 2.5 - 1j])
        beta, given_beta = self.scale([0, 0, 1, 0.5])
        expected = alpha * (wide(left) @ wide(right)) + beta * wide(result)
        shape = (m, k) if trans == PLAIN else (k, m)
        self.function("gemv")(order, trans, *shape, given_alpha, at(a), lda, at(x), incx, given_beta, at(y), incy)
        self.near(result, expected, k)

    def vectors(self, n: int) -> None:
        (x, incx, left), (y, incy, right) = self.vector(n), self.vector(n)
        if self.is_complex:
            for name, first in (("dotu_sub", left), ("dotc_sub", left.conj())):
                found = self.array(1)
                self.function(name)(n, at(x), incx, at(y), incy, at(found))
                self.near(found[0], wide(first) @ wide(right), n)
        else:
            dot = self.function("dot")
            dot.restype = ctypes.c_float if self.prefix == "s" else ctypes.c_double
            self.near(dot(n, at(x), incx, at(y), incy), wide(left) @ wide(right), n)
        alpha, given_alpha = self.scale([1, 0, 2.5 - 1j])
        expected = alpha * wide(left) + wide(right)
        self.function("axpy")(n, given_alpha, at(x), incx, at(y), incy)
        self.near(right, expected, 1)


def wide(array: Any) -> Any:
    return array.astype(np.complex128)


def at(array: Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def sums_in_order(library: ctypes.CDLL) -> None:
    """A large product has the digits of a plain loop."""
    calls = Calls(library, "d")
    a, b, c = calls.array(301, 700), calls.array(700, 203), calls.array(301, 203)
    one, zero = ctypes.c_double(1), ctypes.c_double(0)
    calls.function("gemm")(ROW_MAJOR, PLAIN, PLAIN, 301, 203, 700, one, at(a), 700, at(b), 203, zero, at(c), 203)
    expected = np.zeros_like(c)
    for term in range(700):
        expected += a[:, term : term + 1] * b[term]
    assert np.array_equal(c, expected)


def main() -> None:
    random.seed(2)
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "blas.so"
        source = Path(__file__).with_name("blas.c")
        flags = ["-O2", "-shared", "-fPIC", "-ffp-contract=off", "-Wno-unknown-pragmas"]
        subprocess.run(["cc", *flags, "-o", built, source], check=True)
        library = ctypes.CDLL(str(built))
        for prefix in TYPES:
            calls = Calls(library, prefix)
            for number in range(CALLS):
                m, n, k = random.choices(LARGE if number % 25 == 0 else SIZES, k=3)
                calls.gemm(m, n, k)
                calls.syrk(m, k)
                calls.gemv(m, k)
                calls.vectors(k)
        sums_in_order(library)
    print("all functions give NumPy's results")


if __name__ == "__main__":
    main()
