"""Large data between tasks: written and read as streams, passed by reference.

@task
def draw() -> Artifact:
    with Artifact.create("image/svg+xml") as chart:
        chart.write(b"<svg/>")
    return chart.artifact

@task
def size(chart: Artifact) -> int:
    return len(chart.read())
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from weft import host
from weft.ending import Fail, Retry

#: What goes to the host or comes from it at a time, in bytes.
BUFFER_BYTES = 64 << 10


class ArtifactDenied(Fail):
    """This task was not given the artifact."""


class ArtifactTooLarge(Fail):
    """It is larger than the task's limit."""


class ArtifactUnavailable(Retry):
    """The store does not answer."""


class Artifact:
    """A reference to data that a task wrote; returned and taken like any other value."""

    __slots__ = ("reference",)

    def __init__(self, reference: str):
        self.reference = reference

    @staticmethod
    def create(media_type: str = "application/octet-stream") -> ArtifactWriter:
        """Begins an artifact of a media type such as `text/csv`."""
        return ArtifactWriter(host.current().create_artifact(media_type))

    @staticmethod
    def write(data: bytes | str, media_type: str = "application/octet-stream") -> Artifact:
        """Writes a whole artifact at once; text goes as UTF-8."""
        with Artifact.create(media_type) as writer:
            writer.write(data.encode() if isinstance(data, str) else data)
        return writer.artifact

    def open(self) -> BinaryIO:
        """Opens it from the start. Only what came in through this task's
        inputs, or was created by it, can be opened."""
        return io.BufferedReader(host.current().open_artifact(self.reference), BUFFER_BYTES)  # type: ignore[arg-type]

    def read(self) -> bytes:
        """Reads it whole."""
        with self.open() as stream:
            return stream.read()

    def text(self) -> str:
        """Reads it whole, as UTF-8."""
        return self.read().decode()

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Artifact) and other.reference == self.reference

    def __hash__(self) -> int:
        return hash(self.reference)

    def __repr__(self) -> str:
        return f"Artifact({self.reference!r})"


class ArtifactWriter(io.BufferedWriter):
    """An artifact that is being written; kept only where the `with` block ends well."""

    def __init__(self, sink: host.ArtifactSink):
        super().__init__(_Raw(sink), BUFFER_BYTES)
        self._sink = sink
        self._artifact: Artifact | None = None

    @property
    def artifact(self) -> Artifact:
        """The reference; ends the artifact."""
        if self._artifact is None:
            self.flush()
            self._artifact = Artifact(self._sink.finish())
        return self._artifact

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            _ = self.artifact


class _Raw(io.RawIOBase):
    def __init__(self, sink: host.ArtifactSink):
        self._sink = sink

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._sink.write(part)
        return len(part)
