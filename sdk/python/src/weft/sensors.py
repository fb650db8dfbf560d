"""Waits for a condition, inside of a task function and without holding a worker.

    from weft.sensors import wait_until

    @task
    def wait(context: Context):
        wait_until(context, lambda: len(orders()) >= 10, every=60, timeout=3600)

A sensor that is not done ends the attempt with a deferral, and the next
attempt runs the task from its start. So a sensor comes first in its task, and
a task has one of them: the state of the deferral is the sensor's.
"""

from __future__ import annotations

import http.client
import logging
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone, tzinfo
from datetime import time as Clock
from typing import Any, Callable, Mapping, TypeVar

from weft.attempt import permanent
from weft.context import Context, ObservedUpdate
from weft.ending import Defer, Fail, milliseconds

_log = logging.getLogger("weft")

R = TypeVar("R")

Span = timedelta | float

#: The longest wait for the head of an answer, in seconds.
PROBE_TIMEOUT = 30.0


def wait_until(
    context: Context,
    check: Callable[[], R],
    *,
    every: Span = 60,
    backoff: float = 1.0,
    max_every: Span | None = None,
    timeout: Span | None = None,
) -> R:
    """What `check` returns, once that counts as true.

    Between two checks the task waits for `every`; each further wait is `backoff`
    times the one before, `max_every` at the longest. The last check is made when
    `timeout` has passed, and then the task fails for good.
    """
    first, longest = milliseconds(every), _LONGEST_MS if max_every is None else milliseconds(max_every)
    limit = None if timeout is None else milliseconds(timeout)
    if first == 0:
        raise ValueError("`every` is longer than 0: a sensor that never waits would hold its worker")
    if not backoff >= 1:
        raise ValueError(f"`backoff` is at least 1, not {backoff}")
    found = check()
    if found:
        return found
    now = time.time_ns() // 1_000_000
    state = context.resumed
    counters = state.get("sensor") if isinstance(state, dict) else None
    counters = counters or {"began_ms": now, "checks": 0, "waited_ms": 0, "next_ms": first}
    checks = counters["checks"] + 1
    # In a test nothing is waited for, so the clock alone would never end it.
    passed = max(now - counters["began_ms"], counters["waited_ms"])
    if limit is not None and passed >= limit:
        raise Fail(f"the condition does not hold after {limit / 1000:g} s and {checks} checks")
    wait = min(counters["next_ms"], longest)
    following = round(min(wait * backoff, longest))
    if limit is not None:
        wait = min(wait, limit - passed)
    counters = {**counters, "checks": checks, "waited_ms": counters["waited_ms"] + wait, "next_ms": following}
    raise Defer(after=timedelta(milliseconds=wait), state={"sensor": counters})


#: Longer than any run: a hundred years.
_LONGEST_MS = 100 * 365 * 86_400_000


def http_ready(
    context: Context,
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    every: Span = 60,
    backoff: float = 1.0,
    max_every: Span | None = None,
    timeout: Span | None = None,
) -> None:
    """Waits until a request to the URL is answered with a status from 200 to 299.

    Any other answer and a connection that fails are tried again; a host that the
    task was not granted fails it. Redirects are followed.
    """
    request = urllib.request.Request(url, headers=dict(headers or {}), method=method)
    wait_until(context, lambda: _probe(request), every=every, backoff=backoff, max_every=max_every, timeout=timeout)


def object_exists(context: Context, url: str, **options: Any) -> None:
    """Waits until an object store has an object: `http_ready` with HEAD requests and the same options.

    The URL is public, or presigned for HEAD.
    """
    http_ready(context, url, method="HEAD", **options)


def _probe(request: urllib.request.Request) -> bool:
    try:
        with urllib.request.urlopen(request, timeout=PROBE_TIMEOUT) as answer:
            return 200 <= answer.status < 300
    except (OSError, http.client.HTTPException) as error:
        if permanent(error):
            raise
        _log.info("%s %s: %s", request.get_method(), request.full_url.partition("?")[0], error)
        return False


def time_window(context: Context, start: str | Clock, end: str | Clock, zone: tzinfo = timezone.utc) -> None:
    """Goes on between two times of day, such as `"22:00"` and `"06:00"`, and waits for the first of them otherwise.

    `zone` may be a `zoneinfo.ZoneInfo` where the DAG has the package `tzdata`.
    """
    opens, closes = _clock("start", start), _clock("end", end)
    if opens == closes:
        raise ValueError(f"a window from {opens} to {closes} is empty")
    # The same calls as a task would make, so that tests replace the clock.
    now = datetime.fromtimestamp(time.time(), zone)
    clock = now.time()
    inside = opens <= clock < closes if opens < closes else clock >= opens or clock < closes
    if inside:
        return
    begin = datetime.combine(now.date(), opens, zone)
    raise Defer(until=begin if begin > now else datetime.combine(now.date() + timedelta(days=1), opens, zone))


def _clock(name: str, value: str | Clock) -> Clock:
    try:
        found = Clock.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(f"`{name}` is a time of day such as '22:00', not {value!r}") from None
    if not isinstance(found, Clock) or found.tzinfo is not None:
        raise ValueError(f"`{name}` is a time of day without a zone, not {value!r}")
    return found


def other_dag(
    context: Context,
    dag: str,
    logical_date: datetime | None = None,
    *,
    task: str | None = None,
    timeout: Span | None = None,
) -> str | None:
    """Waits until the scheduled or backfilled run of another DAG has succeeded, and returns its id.

    The run is the one for `logical_date`, or for the date of the task's own run. With
    `task`, the wait is for the success of that task of the run: for all its instances.
    One that does not succeed, or does not end within `timeout`, fails the task for good.
    """
    woken = context.woken
    # A task that a person resumed looks again; the run may have ended.
    if woken is None or woken.by_command:
        raise Defer(dag=dag, logical_date=logical_date or context.logical_date, task=task, timeout=timeout)
    if woken.timed_out and task is not None:
        raise Fail(f"task {task} of DAG {dag} did not end in time")
    woken.succeeded()
    return woken.run


def asset_updated(
    context: Context,
    asset: str,
    *,
    partition: str | None = None,
    since: datetime | None = None,
    timeout: Span | None = None,
) -> ObservedUpdate:
    """Waits until an asset was updated, and returns the update.

    Without `since` it is the first update since the attempt started; with it, one at or
    after that point in time, which may be there already. With `partition`, only
    updates of that partition count. Where none comes within `timeout`, the task fails
    for good.
    """
    woken = context.woken
    # A task that a person resumed waits again.
    if woken is None or woken.by_command:
        raise Defer(asset=asset, partition=partition, since=since, timeout=timeout)
    if woken.update is None:
        what = f"the asset {asset}" if partition is None else f"the partition {partition} of the asset {asset}"
        if woken.timed_out:
            raise Fail(f"{what} was not updated in time")
        raise Fail(f"the task was woken by something else than an update of {what}")
    return woken.update
