"""What runs in the sandbox and needs no sandbox to be tried: requests taken
apart, answers put together, modules out of memory."""

import asyncio
import io
import sys
import types

import pytest


@pytest.fixture(scope="module")
def sockets():
    """The module, with doubles of what componentize-py generates."""
    names = ["componentize_py_types", "wit_world", "wit_world.imports"]
    doubles = {name: types.ModuleType(name) for name in names}
    doubles["componentize_py_types"].Err = type("Err", (Exception,), {})
    doubles["componentize_py_types"].Ok = type("Ok", (), {})

    class Anything(types.ModuleType):
        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (), {})

    for name in ("context", "store", "streams", "variables", "log", "outgoing_handler", "wasi_http_types"):
        double = Anything(f"wit_world.imports.{name}")
        doubles[f"wit_world.imports.{name}"] = double
        setattr(doubles["wit_world.imports"], name, double)
    sys.modules.update(doubles)
    from weft.guest import sockets

    yield sockets
    for name in doubles:
        del sys.modules[name]


def test_a_request_is_whole_once_its_body_is(sockets):
    head = b"POST /a?b=1 HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5\r\nX-Y: z\r\n\r\n"
    assert sockets.parse(head[:10], True, None, None) == 11
    assert sockets.parse(head + b"ab", True, None, None) == len(head) + 5
    request = sockets.parse(head + b"abcde", True, None, 2.0)
    assert (request.method, request.secure, request.authority, request.path) == ("POST", True, "example.org", "/a?b=1")
    assert (request.body, request.timeout) == (b"abcde", 2.0)
    assert ("X-Y", b"z") in request.headers


def test_a_chunked_body_is_put_together(sockets):
    head = b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    part = head + b"3\r\nabc\r\n2;x=y\r\nde\r\n"
    assert sockets.parse(part, False, ("h", 81), None) == len(part) + 1
    request = sockets.parse(part + b"0\r\n\r\n", False, ("h", 81), None)
    assert (request.body, request.authority) == (b"abcde", "h:81")
    assert all(name.lower() != "transfer-encoding" for name, _ in request.headers)


def test_what_is_no_http_is_refused_in_words(sockets):
    with pytest.raises(OSError, match="no sockets, only HTTP"):
        sockets.parse(b"\x16\x03\x01 hello\r\n\r\n", False, ("h", 1), None)
    with pytest.raises(OSError, match="too long"):
        sockets.parse(b"G" * sockets.MAX_HEAD, False, None, None)
    with pytest.raises(OSError, match="can't listen"):
        sockets.HttpSocket().bind(("", 80))


class Answered:
    """An answer of the host."""

    def __init__(self, body, status=200):
        self.status = status
        self.headers = [("content-type", b"text/plain"), ("transfer-encoding", b"chunked")]
        self._body = io.BytesIO(body)
        self.closed = False

    def read(self, most):
        return self._body.read(most)

    def close(self):
        self.closed = True


def test_clients_of_the_standard_library_read_the_answer(sockets, monkeypatch):
    import http.client

    sent = []

    def send(request):
        sent.append(request)
        return Answered(b"hello" * 1000, 201)

    monkeypatch.setattr(sockets, "send", send)
    connection = http.client.HTTPConnection("example.org")
    connection._create_connection = sockets.create_connection
    for _ in range(2):
        connection.request("POST", "/x", body=b"data")
        answer = connection.getresponse()
        assert (answer.status, answer.read(), answer.getheader("content-type")) == (201, b"hello" * 1000, "text/plain")
    assert [request.body for request in sent] == [b"data", b"data"]
    connection.request("HEAD", "/x")
    assert connection.getresponse().read() == b""


def test_a_failure_reaches_readers(sockets, monkeypatch):
    def send(_request):
        raise PermissionError("not granted")

    monkeypatch.setattr(sockets, "send", send)
    connected = sockets.create_connection(("h", 80))
    with pytest.raises(PermissionError):
        connected.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    with pytest.raises(PermissionError):
        connected.recv(10)


def test_modules_come_out_of_memory(tmp_path, monkeypatch):
    from weft.guest import archive

    files = {
        "dags/made_a.py": "import made_b.inner\nVALUE = made_b.inner.VALUE + 1\n",
        "dags/made_b/inner.py": "VALUE = 41\n",
        "dags/made_c/__init__.py": "",
        "dags/made_c/data.txt": "text",
    }
    paths = {}
    for name, text in files.items():
        path = tmp_path / name.replace("/", "_")
        path.write_text(text)
        paths[name] = str(path)
    packed = archive.pack(paths)
    assert packed == archive.pack(dict(reversed(paths.items())))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    archive.install(archive.Archive(packed, ["dags"]))
    import importlib.resources

    import made_a
    import made_c

    assert made_a.VALUE == 42
    assert made_a.__file__ == "dags/made_a.py"
    assert made_a.__loader__.get_source("made_a").startswith("import made_b")
    assert importlib.resources.files(made_c).joinpath("data.txt").read_text() == "text"
    with pytest.raises(ModuleNotFoundError):
        import made_d  # noqa: F401


def test_asyncio_runs_without_sockets():
    from weft.guest import loop

    double = types.ModuleType("unix_events")
    double._UnixDefaultEventLoopPolicy = type("Policy", (), {})
    loop._replace(double)

    async def sleepy():
        await asyncio.sleep(0.001)
        return await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0.001, 2))

    made = double.SelectorEventLoop()
    assert made.run_until_complete(sleepy()) == [1, 2]
    with pytest.raises(RuntimeError, match="nothing in this task"):
        made.run_until_complete(made.create_future())
    made.close()
