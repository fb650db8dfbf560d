"""Sockets that speak HTTP to the host.

`http.client`, and with it `urllib.request`, `requests`, `urllib3` and
`httpx`, write requests to a socket and read answers from it. The sandbox has
no sockets, but it has HTTP: this one takes the request apart, sends it
through the host, and gives the answer back as text of HTTP/1.1. TLS is the
host's, so that `ssl` here only notes that it was asked for.
"""

from __future__ import annotations

import io
import socket
from typing import Any

from weft.guest.web import Answer, Request, send

#: The longest head of a request, in bytes.
MAX_HEAD = 1 << 20


class HttpSocket:
    """One connection, for one request after the other."""

    def __init__(
        self, family: int = socket.AF_INET, type: int = socket.SOCK_STREAM, proto: int = 0, fileno: Any = None
    ):
        self.family = family
        self.type = type
        self.proto = proto
        self.secure = False
        self._address: tuple[str, int] | None = None
        self._timeout: float | None = socket.getdefaulttimeout()
        self._written = bytearray()
        self._answer: _AnswerText | None = None
        #: Why the last request was not sent: some clients only find out when they read.
        self._failure: Exception | None = None
        #: How many bytes must be there before it is worth looking at them.
        self._wanted = 0

    # Connecting is the host's, when the request is there.

    def connect(self, address: Any) -> None:
        self._address = (str(address[0]), int(address[1]))

    def connect_ex(self, address: Any) -> int:
        self.connect(address)
        return 0

    def bind(self, *_address: Any) -> None:
        raise OSError("a task can't listen: the sandbox has no sockets, only HTTP to hosts that were granted")

    listen = accept = bind

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        return self._timeout

    def setblocking(self, blocking: bool) -> None:
        self._timeout = None if blocking else 0.0

    def setsockopt(self, *_option: Any) -> None:
        """There is nothing to set."""

    def getsockopt(self, *_option: Any) -> int:
        return 0

    def getpeername(self) -> Any:
        return self._address

    def getsockname(self) -> Any:
        return ("127.0.0.1", 0)

    def fileno(self) -> int:
        return -1

    def shutdown(self, _how: int) -> None:
        """The end of a request is known from itself."""

    def close(self) -> None:
        """Files made of it may still read the answer, as with any socket."""

    def detach(self) -> int:
        return -1

    def __enter__(self) -> HttpSocket:
        return self

    def __exit__(self, *_error: Any) -> None:
        self.close()

    # Requests out, answers in.

    def sendall(self, data: Any, _flags: int = 0) -> None:
        self._written += bytes(data)
        if self._answer is None or self._answer.ended:
            self._send_if_whole()

    def send(self, data: Any, flags: int = 0) -> int:
        self.sendall(data, flags)
        return len(data)

    write = send

    def recv(self, most: int, _flags: int = 0) -> bytes:
        if self._failure is not None:
            raise self._failure
        if self._answer is None:
            if self._written:
                raise OSError(
                    "the sandbox has no sockets, only HTTP; what was sent is no whole HTTP request: "
                    f"{bytes(self._written[:40])!r}"
                )
            return b""
        return self._answer.read(most)

    def read(self, most: int = 65536) -> bytes:
        return self.recv(most)

    def recv_into(self, buffer: Any, most: int = 0, _flags: int = 0) -> int:
        data = self.recv(most or len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def makefile(self, mode: str = "r", buffering: int | None = None, **_text: Any) -> Any:
        raw = _File(self)
        if "w" in mode:
            return raw
        return io.BufferedReader(raw, 65536)

    def _send_if_whole(self) -> None:
        if len(self._written) < self._wanted:
            return
        request = parse(self._written, self.secure, self._address, self._timeout)
        if isinstance(request, int):
            self._wanted = request
        else:
            self._written.clear()
            self._wanted = 0
            self.close_answer()
            self._failure = None
            try:
                self._answer = _AnswerText(send(request), request.method)
            except Exception as error:
                self._failure = error
                raise

    def close_answer(self) -> None:
        """Drops an answer that is not read to its end."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None


class TlsSocket(HttpSocket):
    """A connection of which TLS was asked."""

    @classmethod
    def over(cls, plain: HttpSocket) -> TlsSocket:
        secured = cls()
        secured.__dict__.update(plain.__dict__)
        secured.secure = True
        return secured

    @property
    def _sslobj(self) -> TlsSocket:
        return self

    def version(self) -> str:
        return "TLSv1.3"

    def cipher(self) -> Any:
        return ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256)

    def selected_alpn_protocol(self) -> str:
        return "http/1.1"

    def getpeercert(self, binary_form: bool = False) -> Any:
        host = self._address[0] if self._address else ""
        return b"" if binary_form else {"subjectAltName": (("DNS", host),)}

    def unwrap(self) -> HttpSocket:
        return self


class _File(io.RawIOBase):
    """A socket as a file."""

    def __init__(self, of: HttpSocket):
        self._socket = of

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._socket.recv_into(buffer)

    def write(self, data: Any) -> int:
        return self._socket.send(data)


def parse(
    data: bytes | bytearray, secure: bool, address: tuple[str, int] | None, timeout: float | None
) -> Request | int:
    """A request that is whole, or how many bytes it has at least. Raises `OSError` for what is no HTTP/1."""
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD)
    if end < 0:
        if len(data) >= MAX_HEAD:
            raise OSError("the head of an HTTP request is too long")
        return len(data) + 1
    first, *lines = bytes(data[:end]).split(b"\r\n")
    parts = first.split(b" ")
    if len(parts) != 3 or not parts[2].startswith(b"HTTP/1"):
        raise OSError(f"the sandbox has no sockets, only HTTP; this is no request: {first[:40]!r}")
    fields = (line.partition(b":") for line in lines)
    headers = [(name.decode("latin-1").strip(), value.strip()) for name, _, value in fields]
    by_name = {name.lower(): value for name, value in headers}
    start = end + 4
    if by_name.get("transfer-encoding", b"").lower() == b"chunked":
        whole = _unchunked(bytes(data[start:])) if data.endswith(b"0\r\n\r\n") else None
        if whole is None:
            return len(data) + 1
        body = whole
        headers = [(name, value) for name, value in headers if name.lower() != "transfer-encoding"]
    else:
        length = int(by_name.get("content-length", b"0"))
        if len(data) < start + length:
            return start + length
        body = bytes(data[start : start + length])
    path = parts[1].decode("latin-1")
    if "://" in path:
        # A request to a proxy names the whole URL; the host knows its own way.
        path = "/" + path.split("://", 1)[1].partition("/")[2]
    authority = by_name.get("host", b"").decode("latin-1") or _authority(address)
    return Request(parts[0].decode("latin-1").upper(), secure, authority, path or "/", headers, body, timeout)


def _authority(address: tuple[str, int] | None) -> str:
    if address is None:
        raise OSError("the socket is not connected")
    return f"{address[0]}:{address[1]}"


def _unchunked(data: bytes) -> bytes | None:
    """A chunked body, if its end is there."""
    body = bytearray()
    while True:
        size, found, data = data.partition(b"\r\n")
        if not found:
            return None
        length = int(size.partition(b";")[0], 16)
        if length == 0:
            return bytes(body)
        if len(data) < length + 2:
            return None
        body += data[:length]
        data = data[length + 2 :]


class _AnswerText:
    """An answer as HTTP/1.1 says it."""

    def __init__(self, answer: Answer, method: str):
        from http.client import responses

        self._answer = answer
        self._bodiless = method == "HEAD" or answer.status in (204, 304) or answer.status < 200
        lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}".encode("latin-1")]
        for name, value in answer.headers:
            # The host passes the decoded body, to its end.
            if name.lower() not in ("transfer-encoding", "connection", "keep-alive"):
                lines.append(name.encode("latin-1") + b": " + value)
        lines += [b"connection: close", b"", b""]
        self._head = memoryview(b"\r\n".join(lines))
        self.ended = False

    def read(self, most: int) -> bytes:
        if self._head:
            part = bytes(self._head[:most])
            self._head = self._head[most:]
            return part
        if self._bodiless or self.ended:
            self.ended = True
            return b""
        data = self._answer.read(most)
        self.ended = not data
        return data

    def close(self) -> None:
        self._answer.close()


def create_connection(address: Any, timeout: Any = None, source_address: Any = None, **_more: Any) -> HttpSocket:
    """`socket.create_connection`."""
    connected = HttpSocket()
    if timeout is None or isinstance(timeout, (int, float)):
        connected.settimeout(timeout)
    connected.connect(address)
    return connected


def getaddrinfo(host: Any, port: Any, *_more: Any, **_named: Any) -> Any:
    """Names are resolved by the host, when a request is sent."""
    name = host.decode() if isinstance(host, bytes) else host
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, int(port or 0)))]


def install() -> None:
    """Makes these the sockets of the standard library."""
    socket.socket = HttpSocket  # type: ignore[misc,assignment]
    socket.create_connection = create_connection  # type: ignore[assignment]
    socket.getaddrinfo = getaddrinfo
    socket.gethostbyname = lambda host: host
