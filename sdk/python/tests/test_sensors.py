"""Sensors, with a clock and a web that the tests replace."""

import contextlib
import io
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from datetime import time as Clock
from types import SimpleNamespace

import pytest

import weft.testing
from weft import Context, Defer, Fail, dag, get_current_context, task
from weft.local.run import RunFailed
from weft.sensors import asset_updated, http_ready, object_exists, other_dag, time_window, wait_until


@pytest.fixture
def clock(monkeypatch):
    """A clock that shows one time of day, in UTC."""

    def set_to(text: str, day: int = 5) -> None:
        hour, minute = text.split(":")
        now = datetime(2026, 3, day, int(hour), int(minute), tzinfo=timezone.utc).timestamp()
        monkeypatch.setattr(time, "time", lambda: now)
        monkeypatch.setattr(time, "time_ns", lambda: int(now) * 1_000_000_000)

    set_to("12:00")
    return set_to


def deferral(wait, **attempt) -> Defer:
    """How a sensor defers."""
    with weft.testing.attempt(**attempt), pytest.raises(Defer) as raised:
        wait(get_current_context())
    return raised.value


def test_a_condition_is_checked_until_it_holds_and_its_value_returned():
    checks = []

    @task
    def wait(context: Context):
        def check():
            checks.append(context.resumed)
            return ["found"] if len(checks) == 3 else []

        return wait_until(context, check, every=30)

    @dag
    def waiting():
        wait()

    assert waiting.test().output("wait") == ["found"]
    assert len(checks) == 3


def test_each_wait_is_longer_than_the_one_before_and_the_last_ends_with_the_timeout(clock):
    state, waits = None, []
    with pytest.raises(Fail, match="does not hold after 100 s and 5 checks"):
        while True:
            with weft.testing.attempt(resumed=state):
                try:
                    wait_until(
                        get_current_context(),
                        lambda: False,
                        every=10,
                        backoff=2,
                        max_every=timedelta(seconds=35),
                        timeout=100,
                    )
                except Defer as defer:
                    waits.append(defer.after_ms)
                    state = defer.state
    assert waits == [10_000, 20_000, 35_000, 35_000]


def test_the_time_that_passed_counts_whatever_the_waits_were(clock):
    first = deferral(lambda context: wait_until(context, lambda: False, every=60, timeout=3600))
    clock("12:59")
    second = deferral(lambda context: wait_until(context, lambda: False, every=120, timeout=3600), resumed=first.state)
    assert second.after_ms == 60_000
    clock("13:00")
    with weft.testing.attempt(resumed=second.state), pytest.raises(Fail, match="3 checks"):
        wait_until(get_current_context(), lambda: False, every=60, timeout=3600)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"every": 0}, "`every` is longer than 0"),
        ({"backoff": 0.5}, "`backoff` is at least 1"),
        ({"timeout": -1}, "negative"),
    ],
)
def test_intervals_that_are_none_are_refused_before_the_check(options, words):
    checks = []
    with weft.testing.attempt(), pytest.raises(ValueError, match=words):
        wait_until(get_current_context(), lambda: checks.append(1), **options)
    assert checks == []


class Denied(PermissionError):
    weft_permanent = True


@pytest.fixture
def web(monkeypatch):
    """Answers of the web: a status, or an exception."""
    seen = SimpleNamespace(requests=[], answers=[])

    def opened(request, timeout):
        seen.requests.append(request)
        answer = seen.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if answer >= 400:
            raise urllib.error.HTTPError(request.full_url, answer, "no", {}, io.BytesIO())
        return contextlib.nullcontext(SimpleNamespace(status=answer))

    monkeypatch.setattr(urllib.request, "urlopen", opened)
    return seen


def test_a_url_is_asked_until_it_answers_with_success(web):
    web.answers = [503, urllib.error.URLError(ConnectionRefusedError("refused")), TimeoutError("slow"), 204]

    @task
    def wait(context: Context):
        http_ready(context, "https://api.example.org/ready", headers={"Accept": "text/plain"}, every=5)

    @dag
    def waiting():
        wait()

    assert waiting.test().states == {"wait": "success"}
    assert [(request.get_method(), request.get_header("Accept")) for request in web.requests] == [
        ("GET", "text/plain")
    ] * 4


def test_a_host_that_was_not_granted_fails_at_once(web):
    web.answers = [urllib.error.URLError(Denied("the request was denied"))]
    with weft.testing.attempt(), pytest.raises(urllib.error.URLError, match="denied"):
        http_ready(get_current_context(), "https://api.example.org")


def test_an_object_is_asked_for_by_its_head(web):
    web.answers = [404, 200]
    defer = deferral(lambda context: object_exists(context, "https://store.example.org/o?sig=1", every=5))
    assert defer.after_ms == 5000
    with weft.testing.attempt(resumed=defer.state):
        object_exists(get_current_context(), "https://store.example.org/o?sig=1", every=5)
    assert [request.get_method() for request in web.requests] == ["HEAD", "HEAD"]


@pytest.mark.parametrize(
    ("now", "start", "end", "until"),
    [
        ("12:00", "09:00", "17:00", None),
        ("09:00", "09:00", "17:00", None),
        ("17:00", "09:00", "17:00", (6, 9)),
        ("03:00", "09:00", "17:00", (5, 9)),
        ("23:00", "22:00", "06:00", None),
        ("05:59", "22:00", "06:00", None),
        ("06:00", Clock(22), Clock(6), (5, 22)),
    ],
)
def test_a_window_of_the_day_is_waited_for(clock, now, start, end, until):
    clock(now)
    if until is None:
        with weft.testing.attempt():
            time_window(get_current_context(), start, end)
    else:
        day, hour = until
        defer = deferral(lambda context: time_window(context, start, end))
        assert defer.until == datetime(2026, 3, day, hour, tzinfo=timezone.utc)


def test_a_window_may_be_of_another_zone(clock):
    clock("23:30")
    zone = timezone(timedelta(hours=1))
    defer = deferral(lambda context: time_window(context, "09:00", "17:00", zone))
    assert defer.until == datetime(2026, 3, 6, 8, tzinfo=timezone.utc)


def test_a_window_that_is_none_is_refused():
    with weft.testing.attempt():
        context = get_current_context()
        for start, end, words in [
            ("9 am", "17:00", "`start` is a time of day such as '22:00', not '9 am'"),
            ("09:00", "09:00", "is empty"),
            ("09:00", "17:00+01:00", "`end` is a time of day without a zone"),
        ]:
            with pytest.raises(ValueError, match=words):
                time_window(context, start, end)


def test_the_run_of_another_dag_is_waited_for():
    @task
    def wait(context: Context):
        return other_dag(context, "daily", timeout=60)

    @dag
    def waiting():
        wait()

    assert waiting.test(runs={"daily": {"run": "0000000000007"}}).output("wait") == "0000000000007"
    with pytest.raises(RunFailed, match="run test-daily of DAG daily ended as failed"):
        waiting.test(runs={"daily": {"state": "failed"}})
    with pytest.raises(RunFailed, match="did not end in time"):
        waiting.test()
    date = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert deferral(lambda context: other_dag(context, "daily"), logical_date=date).logical_date == date
    other = datetime(2026, 2, 1, tzinfo=timezone.utc)
    assert deferral(lambda context: other_dag(context, "daily", other)).logical_date == other


def test_a_task_of_another_dag_is_waited_for():
    @task
    def wait(context: Context):
        return other_dag(context, "daily", task="load", timeout=60)

    @dag
    def waiting():
        wait()

    daily = {"run": "0000000000007", "state": "failed", "tasks": {"load": "success"}}
    assert waiting.test(runs={"daily": daily}).output("wait") == "0000000000007"
    for state in ["failed", "skipped", "cancelled"]:
        with pytest.raises(RunFailed, match=f"task load of run test-daily of DAG daily ended as {state}"):
            waiting.test(runs={"daily": {"tasks": {"load": state}}})
    with pytest.raises(RunFailed, match="task load of DAG daily did not end in time"):
        waiting.test(runs={"daily": {"state": "success"}})
    date = datetime(2026, 1, 1, tzinfo=timezone.utc)
    defer = deferral(lambda context: other_dag(context, "daily", task="load"), logical_date=date)
    assert (defer.dag, defer.logical_date, defer.task) == ("daily", date, "load")


def test_an_update_of_an_asset_is_waited_for():
    @task
    def wait(context: Context) -> list:
        found = asset_updated(context, "orders", partition=context["ds"], timeout=60)
        return [found.asset, found.partition, found.metadata, found.run]

    @dag
    def waiting():
        wait()

    date = datetime(2026, 11, 26, tzinfo=timezone.utc)
    day = {"partition": "2026-11-26", "metadata": {"rows": 3}}
    run = waiting.test(logical_date=date, assets={"orders": day})
    assert run.output("wait") == ["orders", "2026-11-26", {"rows": 3}, None]
    with pytest.raises(RunFailed, match="the partition 2026-11-26 of the asset orders was not updated in time"):
        waiting.test(logical_date=date, assets={"orders": {}})
    defer = deferral(lambda context: asset_updated(context, "orders", since=date))
    assert (defer.asset, defer.partition, defer.since, defer.timeout_ms) == ("orders", None, date, None)
    with weft.testing.attempt(timed_out=True), pytest.raises(Fail, match="the asset orders was not updated in time"):
        asset_updated(get_current_context(), "orders", timeout=60)
    with weft.testing.attempt(event=("paid", 3)), pytest.raises(Fail, match="something else than an update of"):
        asset_updated(get_current_context(), "orders")
