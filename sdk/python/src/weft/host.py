"""The calls of a running task to its host.

There are two hosts: the sandbox's (`weft.guest.imports`), and one in this
process for tests and `my_dag.test()` (`weft.local.host`). Tasks never see
either; `current` is the one that answers.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, BinaryIO, Iterator, Protocol


class ArtifactSink(Protocol):
    """An artifact that is being written."""

    def write(self, data: bytes) -> None: ...

    def finish(self) -> str:
        """Ends it and makes its reference."""
        ...


class Host(Protocol):
    """Everything that crosses the border of the sandbox, apart from HTTP."""

    def attempt(self) -> dict[str, Any]:
        """The attempt that is running, as `attempt.schema.json` says."""
        ...

    def resumed(self) -> Any:
        """After a deferral: the state that was left."""
        ...

    def progress(self, fraction: float, message: str) -> None: ...

    def cancelled(self) -> bool: ...

    def variable(self, name: str) -> str:
        """Raises `VariableError`."""
        ...

    def create_artifact(self, media_type: str) -> ArtifactSink:
        """Raises `ArtifactError`."""
        ...

    def open_artifact(self, reference: str) -> BinaryIO:
        """Raises `ArtifactError`."""
        ...


_current: list[Host] = []


def current() -> Host:
    """The host of the attempt that is running."""
    if not _current:
        raise RuntimeError(
            "no task is running; in a unit test use `with weft.testing.attempt(): ...`, or run the DAG with `my_dag.test()`"
        )
    return _current[-1]


def running() -> bool:
    """Whether a task is running."""
    return bool(_current)


def install(host: Host) -> None:
    """Makes a host the only one, for good."""
    _current[:] = [host]


@contextmanager
def installed(host: Host) -> Iterator[None]:
    """Makes a host the current one."""
    _current.append(host)
    try:
        yield
    finally:
        _current.pop()
