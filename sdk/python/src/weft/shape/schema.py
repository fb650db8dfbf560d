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


def lacks_part(schema: Any, pointer: str) -> bool:
    """Whether no value of a schema has a part at a JSON pointer, as far as the schema names the keys of objects.

    The same that the check of edges at build and at deploy refuses.
    """
    here = schema
    for key in pointer.split("/")[1:]:
        while isinstance(here, dict) and "$ref" in here:
            here = schema.get("$defs", {}).get(str(here["$ref"]).removeprefix("#/$defs/"))
        if not isinstance(here, dict) or here.keys() & {"anyOf", "oneOf", "allOf", "prefixItems"}:
            return False
        if here.get("type") == "array":
            here = here.get("items")
            continue
        properties, others = here.get("properties") or {}, here.get("additionalProperties")
        key = key.replace("~1", "/").replace("~0", "~")
        if here.get("type") != "object":
            return False
        if key not in properties and not isinstance(others, dict):
            return bool(properties) and others is not True
        here = properties.get(key, others)
    return False
