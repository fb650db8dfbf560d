"""Variables of the installation, for which a task needs a grant by name."""

from __future__ import annotations

import json
from typing import Any

from weft import host
from weft.ending import Fail

_MISSING = object()


class VariableDenied(Fail):
    """The task has no grant for the variable."""


class VariableNotFound(KeyError):
    """The installation has no such variable."""

    def __str__(self) -> str:
        return f"there is no variable {self.args[0]!r}"


class Variable:
    """`Variable.get("name")`, as in Airflow."""

    @staticmethod
    def get(
        name: str,
        default: Any = _MISSING,
        deserialize_json: bool = False,
        default_var: Any = _MISSING,
    ) -> Any:
        """The variable's text, or what it holds as JSON.

        Needs `@task(grants={"variables": ["name"]})`. Without the variable:
        the default, or `VariableNotFound`.
        """
        try:
            text = host.current().variable(name)
        except VariableNotFound:
            for fallback in (default, default_var):
                if fallback is not _MISSING:
                    return fallback
            raise
        return json.loads(text) if deserialize_json else text
