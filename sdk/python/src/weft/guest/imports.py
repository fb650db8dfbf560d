"""The sandbox's host: the imports of the contract as `weft.host.Host`."""

from __future__ import annotations

import io
import json
from typing import Any

from componentize_py_types import Err  # type: ignore[import-not-found]
from wit_world.imports import context, store, streams, variables  # type: ignore[import-not-found]

from weft.artifact import ArtifactDenied, ArtifactTooLarge, ArtifactUnavailable
from weft.ending import Fail
from weft.variable import VariableDenied, VariableNotFound

#: What `blocking-write-and-flush` takes at most, by its contract, in bytes.
WRITE_BYTES = 4096


class Imports:
    """Asks the host that runs the component."""

    def attempt(self) -> dict[str, Any]:
        return json.loads(context.attempt())

    def resumed(self) -> Any:
        state = context.resumed()
        return None if state is None else json.loads(state)

    def progress(self, fraction: float, message: str) -> None:
        context.progress(fraction, message)

    def cancelled(self) -> bool:
        return context.cancelled()

    def variable(self, name: str) -> str:
        try:
            return variables.get(name)
        except Err as error:
            if error.value == variables.Error.NOT_FOUND:
                raise VariableNotFound(name) from None
            raise VariableDenied(
                f"variable {name!r} was not granted to this task; add it: @task(grants={{'variables': [{name!r}]}})"
            ) from None

    def create_artifact(self, media_type: str) -> _Sink:
        try:
            return _Sink(store.create(media_type))
        except Err as error:
            raise _artifact("creating an artifact", error.value) from None

    def open_artifact(self, reference: str) -> _Source:
        try:
            return _Source(store.open(reference))
        except Err as error:
            raise _artifact(f"opening artifact {reference}", error.value) from None


class _Sink:
    def __init__(self, writer: Any):
        self._writer = writer
        self._body = writer.body()

    def write(self, data: bytes) -> None:
        write_all(self._body, data)

    def _close(self) -> None:
        # The stream lives inside of the writer, and must be gone before it.
        if self._body is not None:
            self._body.__exit__(None, None, None)
            self._body = None

    def __del__(self) -> None:
        self._close()

    def finish(self) -> str:
        self._close()
        try:
            return store.Writer.finish(self._writer)
        except Err as error:
            raise _artifact("finishing an artifact", error.value) from None


class _Source(io.RawIOBase):
    def __init__(self, stream: Any):
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        data = read_some(self._stream, len(into))
        into[: len(data)] = data
        return len(data)


def write_all(stream: Any, data: bytes) -> None:
    """Writes it all, as fast as the host takes it. Raises `OSError`."""
    view = memoryview(data)
    try:
        while view:
            room = stream.check_write()
            if room:
                stream.write(bytes(view[:room]))
                view = view[room:]
            else:
                stream.blocking_write_and_flush(bytes(view[:WRITE_BYTES]))
                view = view[WRITE_BYTES:]
        stream.blocking_flush()
    except Err as error:
        raise _stream(error.value) from None


def read_some(stream: Any, most: int) -> bytes:
    """At least a byte, or none at the end. Raises `OSError`."""
    if most == 0:
        return b""
    try:
        while not (data := stream.blocking_read(most)):
            pass
        return data
    except Err as error:
        if isinstance(error.value, streams.StreamError_Closed):
            return b""
        raise _stream(error.value) from None


def _stream(error: Any) -> OSError:
    if isinstance(error, streams.StreamError_Closed):
        return BrokenPipeError("the other side takes no more")
    return OSError(error.value.to_debug_string())


def _artifact(what: str, error: Any) -> Exception:
    match error:
        case store.Error.DENIED:
            return ArtifactDenied(f"{what}: this task wasn't given it")
        case store.Error.NOT_FOUND:
            return Fail(f"{what}: there is none")
        case store.Error.TOO_LARGE:
            return ArtifactTooLarge(
                f"{what}: it is larger than the task's limit; raise it: @task(limits={{'artifact': '4GiB'}})"
            )
        case store.Error.UNAVAILABLE:
            return ArtifactUnavailable(f"{what}: the store is unavailable")
    return Fail(f"{what}: its stream is still open")
