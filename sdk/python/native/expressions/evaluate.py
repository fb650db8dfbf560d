"""Evaluates expressions over native packages, and reduces each value to a text that is the same wherever the value is.

The same module runs under native CPython, where it records what is expected, and as a task of Weft:

    python evaluate.py expected.jsonl numpy.txt pandas.txt packages.txt standard.txt

An entry of a file of expressions begins with `>>> `, and its further lines with `... `. The value of its last line counts.
A line `# name` begins a group; an entry's id is made of the file, the group and its number in it.
"""

import ast
import base64
import collections
import csv
import datetime
import decimal
import fractions
import hashlib
import io
import itertools
import json
import math
import random
import re
import statistics
import struct
import sys
import textwrap
import types
import typing
import unicodedata
import warnings
import zlib
import zoneinfo

import msgpack
import numpy
import orjson
import pandas
import pydantic
import regex
import xxhash
import yaml
import zstandard

MODULES = {name: value for name, value in globals().items() if isinstance(value, types.ModuleType)}
MODULES |= {"np": numpy, "pd": pandas}


def entries(name: str, text: str) -> list[tuple[str, str]]:
    """The expressions of a file, each with its id."""
    found = []
    group, number = "", 0
    for line in text.splitlines():
        if line.startswith("# "):
            group, number = line[2:].strip().replace(" ", "-"), 0
        elif line.startswith(">>> "):
            number += 1
            found.append((f"{name}/{group}/{number}", line[4:]))
        elif line.startswith("..."):
            identifier, source = found[-1]
            found[-1] = (identifier, f"{source}\n{line[4:]}")
    return found


def results(name: str, text: str) -> list[dict[str, str]]:
    """Evaluates a file of expressions."""
    return [{"id": identifier, "result": result(source)} for identifier, source in entries(name, text)]


def result(source: str) -> str:
    """The value of an expression as text, or its exception, and what it warned of."""
    tree = ast.parse(source)
    last = tree.body.pop()
    if not isinstance(last, ast.Expr):
        raise SyntaxError(f"the last line is no expression: {source}")
    names = dict(MODULES)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            exec(compile(tree, "<expression>", "exec"), names)
            text = canonical(eval(compile(ast.Expression(last.value), "<expression>", "eval"), names))
        except Exception as error:
            text = f"raises {type(error).__name__}: {error}"
    return "; ".join([text, *(f"warns {each.category.__name__}: {each.message}" for each in warned)])


def canonical(value: object) -> str:
    """A text with the value's type, shape and all digits."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{canonical(key)}: {canonical(part)}" for key, part in value.items()) + "}"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(map(canonical, value))) + "}"
    if type(value) is tuple or hasattr(value, "_fields"):
        name = "" if type(value) is tuple else type(value).__name__
        return f"{name}(" + ", ".join(map(canonical, value)) + ")"
    if type(value) is list:
        return "[" + ", ".join(map(canonical, value)) + "]"
    if isinstance(value, numpy.ma.MaskedArray):
        return f"masked {value.shape} {value.dtype} {canonical(value.tolist())}"
    if isinstance(value, numpy.ndarray):
        return f"array {value.shape} {value.dtype} {parts(value.ravel())}"
    if isinstance(value, pandas.DataFrame):
        columns = [(label, value.iloc[:, at]) for at, label in enumerate(value.columns)]
        shown = ", ".join(f"{label!r} {column.dtype} {parts(column)}" for label, column in columns)
        return f"frame {index(value.index)} {shown}"
    if isinstance(value, pandas.Series):
        return f"series {value.name!r} {value.dtype} {index(value.index)} {parts(value)}"
    if isinstance(value, pandas.Index):
        return index(value)
    if isinstance(value, pandas.api.extensions.ExtensionArray):
        return f"{type(value).__name__} {value.dtype} {parts(value)}"
    text = repr(value)
    if " at 0x" in text:
        raise TypeError(f"no canonical text for {text}")
    return text


def index(value: pandas.Index) -> str:
    return f"{type(value).__name__} {value.dtype} {list(value.names)} {parts(value)}"


def parts(values: typing.Iterable) -> str:
    """Elements without the type that the whole has."""
    plain = (each.item() if isinstance(each, numpy.bool | numpy.number) else each for each in values)
    return "[" + ", ".join(canonical(each) for each in plain) + "]"


def record(into: str, paths: list[str]) -> None:
    """Writes a JSON object a line; to a file, since libraries print."""
    with open(into, "w", encoding="utf-8") as lines:
        for path in paths:
            with open(path, encoding="utf-8") as file:
                text = file.read()
            for line in results(path.rpartition("/")[2].removesuffix(".txt"), text):
                lines.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    record(sys.argv[1], sys.argv[2:])
