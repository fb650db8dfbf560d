"""A parameter of a run that has more than a default: Airflow's `Param`."""

from __future__ import annotations

from typing import Any

_MISSING = object()


class Param:
    """`Param(5, type="integer", minimum=1, description="how many")`.

    Arguments besides the default and the description are JSON Schema. Without a default
    the parameter must be given.
    """

    def __init__(self, default: Any = _MISSING, description: str | None = None, **schema: Any):
        schema.pop("title", None)
        self.has_default = default is not _MISSING
        self.default = default if self.has_default else None
        self.description = description
        self.schema = schema

    def document(self) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        if self.schema:
            fields["schema"] = self.schema
        if self.has_default:
            fields["default"] = self.default
        if self.description:
            fields["description"] = self.description
        return fields


def declared(value: Any) -> Param:
    """A parameter's declaration: a `Param`, or its default."""
    return value if isinstance(value, Param) else Param(value)
