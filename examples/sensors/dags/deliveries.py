"""Deliveries of a supplier: what a pipeline waits for before it has anything to do.

`deliveries` waits until the supplier's service answers, until the hours in which it may be used begin, and until the
manifest of the delivery is there. None of these waits holds a worker: each check is an attempt of its own. Then every
file of the manifest is fetched and added up, independently of the others.
"""

import csv
import io
import json
import logging
import urllib.error
import urllib.request
from datetime import timedelta
from typing import TypedDict

from weft import Context, chain, dag, task, task_group
from weft.sensors import http_ready, time_window, wait_until

log = logging.getLogger(__name__)

#: The only host that the tasks may reach: the supplier's.
SUPPLIER = {"http": ["http://127.0.0.1:8000"]}

#: Seconds until the second check. A real supplier is asked once a minute.
EVERY = 1

#: What has not come by then does not come any more.
TIMEOUT = timedelta(hours=6)


class Total(TypedDict):
    file: str
    orders: int
    cents: int


@task(grants=SUPPLIER)
def service_up(url: str, context: Context):
    """Waits until the service says that it is well."""
    http_ready(context, f"{url}/health", every=EVERY, timeout=TIMEOUT)


@task
def opened(opens: str, closes: str, context: Context):
    """Waits until the hours in which the supplier may be used, in UTC."""
    time_window(context, opens, closes)


@task(grants=SUPPLIER)
def manifest_there(url: str, context: Context) -> list[str]:
    """Waits until the manifest is there, longer from check to check, and returns the files that it lists."""
    return wait_until(context, lambda: manifest(url), every=EVERY, backoff=2, max_every=60, timeout=TIMEOUT)


def manifest(url: str) -> list[str] | None:
    """The files of the manifest; none while there is no manifest."""
    try:
        with urllib.request.urlopen(f"{url}/manifest.json", timeout=30) as answer:
            return json.load(answer)["files"]
    except urllib.error.HTTPError as error:
        log.info("there is no manifest yet: %s", error)
        return None


@task(grants=SUPPLIER, retries=3, retry_delay="1s")
def fetch(url: str, name: str) -> list[dict[str, str]]:
    """The rows of a file."""
    with urllib.request.urlopen(f"{url}/{name}", timeout=30) as answer:
        return list(csv.DictReader(io.TextIOWrapper(answer, encoding="utf-8")))


@task
def total(name: str, rows: list[dict[str, str]]) -> Total:
    return {"file": name, "orders": len(rows), "cents": sum(int(row["cents"]) for row in rows)}


@task_group
def load(name, url):
    """Of one file: its rows, and what they add up to."""
    return total(name, fetch(url, name))


@task
def report(totals: list[Total]) -> str:
    orders, cents = (sum(one[key] for one in totals) for key in ("orders", "cents"))
    return f"{len(totals)} files with {orders} orders of {cents / 100:.2f}"


@dag
def deliveries(url: str = "http://127.0.0.1:8000", opens: str = "00:00", closes: str = "23:59:59.999999"):
    files = manifest_there(url)
    chain([service_up(url), opened(opens, closes)], files)
    report(load.partial(url=url).expand(name=files))
