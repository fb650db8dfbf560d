"""One HTTP request through `wasi:http`, which is the only way out of the sandbox.

The host resolves names, makes the connection, checks certificates and the
task's grant. Bodies of answers are streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from componentize_py_types import Err, Ok  # type: ignore[import-not-found]
from wit_world.imports import outgoing_handler  # type: ignore[import-not-found]
from wit_world.imports import wasi_http_types as http  # type: ignore[import-not-found]

from weft.guest.imports import read_some, write_all

_METHODS = {
    "GET": http.Method_Get,
    "HEAD": http.Method_Head,
    "POST": http.Method_Post,
    "PUT": http.Method_Put,
    "DELETE": http.Method_Delete,
    "PATCH": http.Method_Patch,
    "OPTIONS": http.Method_Options,
    "TRACE": http.Method_Trace,
}

#: Headers that belong to the connection, which is the host's.
_OF_CONNECTION = {
    "connection", "host", "http2-settings", "keep-alive", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "expect",
}  # fmt: skip


class HttpDenied(PermissionError):
    """The task has no grant for the host; a retry doesn't help."""

    weft_permanent = True


@dataclass
class Request:
    method: str
    secure: bool
    authority: str
    path: str
    headers: list[tuple[str, bytes]]
    body: bytes
    timeout: float | None


class Answer:
    """Status, headers, and a body that is read as it comes."""

    def __init__(self, response: Any):
        self.status: int = response.status()
        with response.headers() as fields:
            self.headers: list[tuple[str, bytes]] = fields.entries()
        body = response.consume()
        # Each lives inside of the next, and must be gone before it.
        self._resources = [body.stream(), body, response]

    def read(self, most: int) -> bytes:
        """At least a byte, or none at the end."""
        if not self._resources:
            return b""
        data = read_some(self._resources[0], most)
        if most and not data:
            self.close()
        return data

    def close(self) -> None:
        """Lets go of the answer, read or not."""
        while self._resources:
            self._resources.pop(0).__exit__(None, None, None)

    def __del__(self) -> None:
        self.close()


def send(request: Request) -> Answer:
    """Sends it, and waits for the head of the answer. Raises `OSError`."""
    origin = f"{'https' if request.secure else 'http'}://{request.authority}"
    outgoing = _outgoing(request)
    body = outgoing.body()
    try:
        future = outgoing_handler.handle(outgoing, _options(request.timeout))
    except Err as error:
        raise _failure(origin, request, error.value) from None
    refused = _write(body, request.body)
    with future.subscribe() as ready:
        ready.block()
    answer = future.get()
    # Twice wrapped: whether it was asked for already, and what came of it.
    answer = answer.value if isinstance(answer, Ok) else answer
    if isinstance(answer, Ok):
        return Answer(answer.value)
    if isinstance(answer, Err):
        raise _failure(origin, request, answer.value)
    raise refused or OSError(f"{origin}: there was no answer")


def _outgoing(request: Request) -> Any:
    headers = [(name, value) for name, value in request.headers if name.lower() not in _OF_CONNECTION]
    try:
        fields = http.Fields.from_list(headers)
    except Err:
        raise ValueError(f"a header of the request is not valid: {[name for name, _ in headers]}") from None
    outgoing = http.OutgoingRequest(fields)
    kind = _METHODS.get(request.method)
    try:
        outgoing.set_method(kind() if kind else http.Method_Other(request.method))
        outgoing.set_scheme(http.Scheme_Https() if request.secure else http.Scheme_Http())
        outgoing.set_authority(request.authority)
        outgoing.set_path_with_query(request.path)
    except Err:
        raise ValueError(f"no valid request: {request.method} {request.authority}{request.path}") from None
    return outgoing


def _options(timeout: float | None) -> Any:
    if timeout is None:
        return None
    options = http.RequestOptions()
    nanoseconds = int(timeout * 1e9)
    for setting in (options.set_connect_timeout, options.set_first_byte_timeout, options.set_between_bytes_timeout):
        try:
            setting(nanoseconds)
        except Err:
            # A host that does not support one of them says so; the task's own timeout still applies.
            continue
    return options


def _write(body: Any, data: bytes) -> OSError | None:
    """A body that the other side doesn't take: the answer may still say why."""
    try:
        if data:
            with body.write() as stream:
                write_all(stream, data)
        http.OutgoingBody.finish(body, None)
    except OSError as error:
        return error
    except Err as error:
        return OSError(f"the body of the request was not sent: {error.value!r}")
    return None


def _failure(origin: str, request: Request, error: Any) -> OSError:
    match error:
        case http.ErrorCode_HttpRequestDenied():
            host = request.authority if request.secure else f"http://{request.authority}"
            return HttpDenied(
                f"HTTP to {origin} was not granted to this task; add it: @task(grants={{'http': ['{host}']}})"
            )
        case (
            http.ErrorCode_ConnectionTimeout()
            | http.ErrorCode_ConnectionReadTimeout()
            | http.ErrorCode_ConnectionWriteTimeout()
            | http.ErrorCode_HttpResponseTimeout()
        ):
            return TimeoutError(f"{origin}: timed out ({_words(error)})")
        case http.ErrorCode_ConnectionRefused():
            return ConnectionRefusedError(f"{origin}: connection refused")
    return ConnectionError(f"{origin}: {_words(error)}")


def _words(error: Any) -> str:
    name = type(error).__name__.partition("_")[2]
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    detail = getattr(error, "value", None)
    return f"{words}: {detail}" if detail else words
