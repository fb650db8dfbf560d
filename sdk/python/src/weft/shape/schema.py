"""A shape as a self-contained JSON Schema."""

from __future__ import annotations

from typing import Any

from weft.shape.base import Mode, Shape


def document_schema(shape: Shape, mode: Mode) -> Any:
    """The schema with its definitions, or `True` where nothing is known."""
    defs: dict[str, Any] = {}
    schema = shape.schema(mode, defs)
    if schema is True:
        return True
    for definition in defs.values():
        definition.pop("$python", None)
    return {**schema, "$defs": defs} if defs else schema
