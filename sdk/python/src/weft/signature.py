"""The inputs and the output of a task's function: its parameters as shapes, and
which of them the running attempt fills in itself."""

from __future__ import annotations

import inspect
import sys
import typing
from dataclasses import dataclass
from typing import Any, Callable

from weft.context import AIRFLOW, Context
from weft.shape import Anything, Shape, Unsupported, shape_of


@dataclass
class Parameter:
    """One input of a task."""

    name: str
    shape: Shape
    required: bool


@dataclass
class Signature:
    """A task's function, seen from outside."""

    parameters: dict[str, Parameter]
    #: Parameters that get the `Context`.
    contexts: list[str]
    #: Parameters that get one of the context's values, by Airflow's names.
    injected: list[str]
    #: Whether `**kwargs` gets all of the context's values.
    everything: bool
    output: Shape
    plain: inspect.Signature


def read(function: Callable[..., Any], names: dict[str, Any]) -> Signature:
    """Reads a function. `names` are those in reach where it was defined."""
    plain = inspect.signature(function)
    hints = hints_of(function, names)
    result = Signature({}, [], [], False, Anything(), plain)
    for name, parameter in plain.parameters.items():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            raise TypeError(f"task {function.__name__}: a task's inputs have names; replace *{name} by a list")
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            result.everything = True
            continue
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise TypeError(f"task {function.__name__}: a task's inputs have names; {name} can't be positional only")
        hint = hints.get(name, Any)
        if hint is Context or _optional_context(hint):
            result.contexts.append(name)
            continue
        if name in AIRFLOW and parameter.default is None:
            result.injected.append(name)
            continue
        if name == "context" and hint is Any and parameter.default in (inspect.Parameter.empty, None):
            result.contexts.append(name)
            continue
        shape = _shape(hint, f"task {function.__name__}: parameter {name}")
        result.parameters[name] = Parameter(name, shape, parameter.default is inspect.Parameter.empty)
    result.output = _shape(hints.get("return", Any), f"task {function.__name__}: what it returns")
    return result


def _shape(hint: Any, what: str) -> Shape:
    try:
        return shape_of(hint)
    except Unsupported as error:
        raise TypeError(f"{what}: {error}") from None


def _optional_context(hint: Any) -> bool:
    return Context in typing.get_args(hint)


def hints_of(function: Callable[..., Any], names: dict[str, Any]) -> dict[str, Any]:
    """Annotations as types. A name that only a type checker knows says nothing here."""
    try:
        return typing.get_type_hints(function, localns=names, include_extras=True)
    except NameError:
        return (
            {name: hint for name, hint in getattr(function, "__annotations__", {}).items() if not isinstance(hint, str)}
            if sys.version_info < (3, 14)
            else {}
        )


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function below its decorators."""
    return inspect.unwrap(function)
