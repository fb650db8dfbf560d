"""A host in this process: artifacts in memory, variables that a test names."""

from __future__ import annotations

import hashlib
import io
import os
from typing import Any, BinaryIO

from weft.artifact import ArtifactDenied
from weft.variable import VariableDenied, VariableNotFound


class LocalHost:
    """The host of a task that a test calls."""

    def __init__(
        self,
        attempt: dict[str, Any],
        artifacts: dict[str, bytes],
        variables: dict[str, str],
        granted: list[str] | None = None,
        resumed: Any = None,
    ):
        self._attempt = attempt
        self._artifacts = artifacts
        self._variables = variables
        #: Names of variables that the task may read; `None`: all.
        self._granted = granted
        self._resumed = resumed
        self.progressed: list[tuple[float, str]] = []

    def attempt(self) -> dict[str, Any]:
        return self._attempt

    def resumed(self) -> Any:
        return self._resumed

    def progress(self, fraction: float, message: str) -> None:
        self.progressed.append((fraction, message))

    def cancelled(self) -> bool:
        return False

    def variable(self, name: str) -> str:
        if self._granted is not None and name not in self._granted:
            raise VariableDenied(
                f"variable {name!r} was not granted to this task; add it: @task(grants={{'variables': [{name!r}]}})"
            )
        value = self._variables.get(name, os.environ.get(f"WEFT_VAR_{name.upper()}"))
        if value is None:
            raise VariableNotFound(name)
        return value

    def create_artifact(self, media_type: str) -> _Sink:
        return _Sink(self._artifacts)

    def open_artifact(self, reference: str) -> BinaryIO:
        if reference not in self._artifacts:
            raise ArtifactDenied(f"artifact {reference}: this task wasn't given it")
        return _Source(self._artifacts[reference])


class _Sink:
    def __init__(self, artifacts: dict[str, bytes]):
        self._artifacts = artifacts
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._parts.append(data)

    def finish(self) -> str:
        data = b"".join(self._parts)
        reference = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self._artifacts[reference] = data
        return reference


class _Source(io.BytesIO):
    """A reader of an artifact's bytes."""
