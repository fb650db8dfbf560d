"""Values with named parts: dataclasses, typed dicts, and models that check themselves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Callable

from weft.shape.base import Misfit, Mode, Shape, named


@dataclass
class Part:
    """One named part of a record."""

    shape: Shape
    required: bool
    description: str | None = None


class Record(Shape):
    """A dataclass or a `TypedDict`. Its parts are filled in later, since it may hold itself."""

    def __init__(self, kind: type, make: Callable[[dict[str, Any]], Any], read: Callable[[Any], Any]):
        self.kind = kind
        self.make = make
        self.read = read
        self.parts: dict[str, Part] = {}
        self.total = False

    def schema(self, mode: Mode, defs: dict[str, Any]) -> Any:
        name = self.kind.__name__
        while name in defs and defs[name] is not None and defs[name].get("$python") is not self:
            name += "_"
        if name not in defs:
            # Registered before its parts, because a part may refer to it.
            defs[name] = {"$python": self}
            properties = {}
            for key, part in self.parts.items():
                inner = part.shape.schema(mode, defs)
                if part.description and isinstance(inner, dict) and "$ref" not in inner:
                    inner = {**inner, "description": part.description}
                properties[key] = inner
            every = mode is Mode.OUTPUT and self.total
            required = [key for key, part in self.parts.items() if every or part.required]
            defs[name].update({"type": "object", "properties": properties, "required": required})
        return {"$ref": f"#/$defs/{name}"}

    def encode(self, value: Any, at: str) -> Any:
        parts = self.read(value)
        if parts is None:
            raise Misfit(at, f"expected {self.kind.__name__}, got {named(value)}")
        result = {}
        for key, item in parts.items():
            part = self.parts.get(key)
            if part is None:
                raise Misfit(at, f"{self.kind.__name__} has no key {key!r}")
            result[key] = part.shape.encode(item, f"{at}.{key}" if at else key)
        self._complete(result, at)
        return result

    def decode(self, value: Any, at: str) -> Any:
        if not isinstance(value, dict):
            raise Misfit(at, f"expected {self.kind.__name__}, got {named(value)}")
        # A key that isn't known here is left out: the other side may say more.
        known = {
            key: self.parts[key].shape.decode(item, f"{at}.{key}" if at else key)
            for key, item in value.items()
            if key in self.parts
        }
        self._complete(known, at)
        return self.make(known)

    def _complete(self, value: dict[str, Any], at: str) -> None:
        for key, part in self.parts.items():
            if part.required and key not in value:
                raise Misfit(at, f"{self.kind.__name__} lacks {key!r}")


class Model(Shape):
    """A class in pydantic's manner: it has its own schema and checks itself."""

    def __init__(self, kind: Any):
        self.kind = kind

    def schema(self, mode: Mode, defs: dict[str, Any]) -> Any:
        name = self.kind.__name__
        if name not in defs:
            template = "#/$defs/{model}"
            kind = "serialization" if mode is Mode.OUTPUT else "validation"
            schema = self.kind.model_json_schema(ref_template=template, mode=kind)
            defs.update(schema.pop("$defs", {}))
            defs[name] = schema
        return {"$ref": f"#/$defs/{name}"}

    def encode(self, value: Any, at: str) -> Any:
        if not isinstance(value, self.kind):
            raise Misfit(at, f"expected {self.kind.__name__}, got {named(value)}")
        return json.loads(value.model_dump_json())

    def decode(self, value: Any, at: str) -> Any:
        try:
            return self.kind.model_validate(value)
        except ValueError as error:
            raise Misfit(at, str(error)) from None


def is_model(kind: Any) -> bool:
    """Whether a class follows pydantic's protocol."""
    return all(hasattr(kind, name) for name in ("model_json_schema", "model_validate", "model_dump_json"))
