"""The same functions and the same DAG under this machine's Python, without WebAssembly."""

import csv
import threading
from collections import defaultdict
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas
import pytest

import orders

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def shop():
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(DATA)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_rows_that_are_no_orders_are_put_aside():
    rows = pandas.read_csv(DATA / "orders.csv").to_dict("records")
    good, rejected = orders.checked(rows)
    assert rejected == 3
    assert len(good) == 237


def test_the_dag_gives_what_plain_python_computes(shop):
    run = orders.shop.test({"shop": shop})
    regions = {row["customer"]: row["region"] for row in csv.DictReader((DATA / "customers.csv").open())}
    expected = defaultdict(float)
    good, _ = orders.checked(pandas.read_csv(DATA / "orders.csv").to_dict("records"))
    for order in good:
        if order.customer in regions:
            expected[regions[order.customer], f"{order.day:%Y-%m}"] += order.quantity * order.price
    best = {line["region"]: (line["month"], line["revenue"]) for line in run.output("best")}
    for region in set(regions.values()):
        month, revenue = max(((m, v) for (r, m), v in expected.items() if r == region), key=lambda pair: pair[1])
        assert best[region] == (month, pytest.approx(revenue, abs=0.01))
