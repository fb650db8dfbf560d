import json
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
import weft.testing
from deliveries import deliveries, manifest, opened
from weft import Defer, get_current_context
from weft.local.run import RunFailed

FILES = {
    "/health": "ok",
    "/manifest.json": json.dumps({"files": ["north.csv", "south.csv"]}),
    "/north.csv": "order,cents\n1,1250\n2,790\n",
    "/south.csv": "order,cents\n3,2100\n",
}


class Supplier(BaseHTTPRequestHandler):
    #: By path, how many more requests are refused.
    refusals: ClassVar[dict[str, int]] = {}

    def do_GET(self):
        left = self.refusals.get(self.path, 0)
        self.refusals[self.path] = left - 1
        body = FILES.get(self.path, "").encode()
        self.send_response(503 if left > 0 else 200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_line):
        """Prints nothing."""


@pytest.fixture
def supplier():
    Supplier.refusals = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Supplier)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_delivery_is_added_up(supplier):
    run = deliveries.test({"url": supplier})
    assert run.output("manifest_there") == ["north.csv", "south.csv"]
    assert run.output("load.total")[0] == {"file": "north.csv", "orders": 2, "cents": 2040}
    assert run.output("report") == "2 files with 3 orders of 41.40"


def test_service_and_manifest_are_waited_for(supplier):
    Supplier.refusals = {"/health": 2, "/manifest.json": 2}
    run = deliveries.test({"url": supplier})
    assert run.output("report") == "2 files with 3 orders of 41.40"
    assert Supplier.refusals["/health"] == Supplier.refusals["/manifest.json"] == -1


def test_a_file_that_is_missing_fails_alone(supplier, monkeypatch):
    monkeypatch.setitem(FILES, "/north.csv", "")
    run = deliveries.test({"url": supplier}, check=False)
    assert [instance.state for instance in run.instances["load.total"]] == ["upstream_failed", "success"]
    assert run.states["report"] == "upstream_failed"


def test_a_manifest_that_never_comes_ends_the_wait(supplier, monkeypatch):
    monkeypatch.setitem(FILES, "/manifest.json", "")
    assert manifest(supplier) is None
    with pytest.raises(RunFailed, match="the condition does not hold after 21600 s"):
        deliveries.test({"url": supplier})


def test_outside_of_the_hours_the_window_is_waited_for(monkeypatch):
    noon = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)
    monkeypatch.setattr(time, "time", noon.timestamp)
    with weft.testing.attempt():
        opened("08:00", "13:00", get_current_context())
        with pytest.raises(Defer) as raised:
            opened("08:00", "10:00", get_current_context())
    assert raised.value.until == noon + timedelta(hours=20)
