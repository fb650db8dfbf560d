"""Reads annotations: which shape a type of Python has."""

from __future__ import annotations

import collections.abc
import dataclasses
import types
import typing
from typing import Any, Union

from weft.shape.base import Anything, Shape, Unsupported
from weft.shape.containers import Either, Items, Row, Table
from weft.shape.records import Model, Part, Record, is_model
from weft.shape.scalars import Choice, scalar_of

_LISTS = (
    list,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Iterable,
    collections.abc.Collection,
)
_SETS = (set, frozenset, collections.abc.Set, collections.abc.MutableSet)
_TABLES = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def shape_of(annotation: Any) -> Shape:
    """The shape of an annotation that `typing.get_type_hints` has resolved.

    Raises `Unsupported` where values of it can't travel between tasks.
    """
    return _shape(annotation, {})


def _shape(annotation: Any, seen: dict[Any, Shape]) -> Shape:
    if annotation is Any or annotation is object or isinstance(annotation, typing.TypeVar):
        return Anything()
    if annotation is None:
        annotation = type(None)
    if hasattr(annotation, "__supertype__"):
        return _shape(annotation.__supertype__, seen)
    if hasattr(annotation, "__value__") and not isinstance(annotation, type):
        return _shape(annotation.__value__, seen)
    origin = typing.get_origin(annotation)
    if origin is not None:
        return _generic(annotation, origin, typing.get_args(annotation), seen)
    if isinstance(annotation, type):
        return _class(annotation, seen)
    raise Unsupported(f"{annotation!r} is no type that travels between tasks")


def _generic(annotation: Any, origin: Any, args: tuple[Any, ...], seen: dict[Any, Shape]) -> Shape:
    if str(origin) in ("typing.Annotated", "typing.Required", "typing.NotRequired", "typing.ReadOnly") or (
        origin is typing.Annotated
    ):
        return _shape(args[0], seen)
    if hasattr(annotation, "__metadata__"):
        return _shape(annotation.__origin__, seen)
    if origin is Union or origin is types.UnionType:
        return Either([_shape(arg, seen) for arg in args])
    if origin is typing.Literal:
        return Choice({arg: arg for arg in args})
    if origin in _LISTS:
        return _list(_shape(args[0], seen))
    if origin in _SETS:
        return _set(_shape(args[0], seen), origin)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return Items(_shape(args[0], seen), tuple, (list, tuple), "tuple")
        return Row([_shape(arg, seen) for arg in args], tuple)
    if origin in _TABLES:
        return Table(_shape(args[0], seen), _shape(args[1], seen))
    if isinstance(origin, type):
        return _class(origin, seen)
    raise Unsupported(f"{annotation!r} is no type that travels between tasks")


def _class(kind: type, seen: dict[Any, Shape]) -> Shape:
    if kind in seen:
        return seen[kind]
    scalar = scalar_of(kind)
    if scalar is not None:
        return scalar
    if kind in _LISTS:
        return _list(Anything())
    if kind in _SETS:
        return _set(Anything(), kind)
    if kind is tuple:
        return Items(Anything(), tuple, (list, tuple), "tuple")
    if kind in _TABLES:
        return Table(_shape(str, seen), Anything())
    if is_model(kind):
        return Model(kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, seen)
    if typing.is_typeddict(kind):
        return _typed_dict(kind, seen)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        hints = typing.get_type_hints(kind)
        shapes = [_shape(hints.get(name, Any), seen) for name in kind._fields]
        return Row(shapes, lambda items: kind(*items))
    if issubclass(kind, (str, int)):
        return _class(str if issubclass(kind, str) else int, seen)
    hint = "bytes: hand it on as an Artifact, or as text (base64)" if kind in (bytes, bytearray) else None
    raise Unsupported(
        hint or f"{kind.__name__} can't travel between tasks; use a dataclass, a TypedDict, or plain values"
    )


def _list(item: Shape) -> Shape:
    return Items(item, lambda items: items, (list, tuple), "list")


def _set(item: Shape, kind: Any) -> Shape:
    make = frozenset if kind is frozenset else set
    return Items(item, make, (set, frozenset), "set")


def _dataclass(kind: Any, seen: dict[Any, Shape]) -> Shape:
    fields = [field for field in dataclasses.fields(kind) if field.init]

    def read(value: Any) -> dict[str, Any] | None:
        if not isinstance(value, kind):
            return None
        return {field.name: getattr(value, field.name) for field in fields}

    record = Record(kind, lambda parts: kind(**parts), read)
    record.total = True
    seen[kind] = record
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in fields:
        missing = dataclasses.MISSING
        required = field.default is missing and field.default_factory is missing
        description = field.metadata.get("description")
        record.parts[field.name] = Part(_shape(hints[field.name], seen), required, description)
    return record


def _typed_dict(kind: Any, seen: dict[Any, Shape]) -> Shape:
    record = Record(kind, lambda parts: parts, lambda value: value if isinstance(value, dict) else None)
    seen[kind] = record
    hints = typing.get_type_hints(kind, include_extras=True)
    for name, hint in hints.items():
        record.parts[name] = Part(_shape(hint, seen), name in kind.__required_keys__)
    return record
