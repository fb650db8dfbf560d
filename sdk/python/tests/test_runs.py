"""Runs in this process."""

import logging
import time
from datetime import datetime, timedelta, timezone

import pytest

import weft.testing
from weft import Artifact, Context, Defer, Fail, Retry, Skip, Variable, dag, get_current_context, task
from weft.exceptions import AirflowFailException, AirflowSkipException
from weft.local.run import RunFailed


def test_outside_of_a_dag_a_task_is_its_function():
    @task
    def double(n: int) -> int:
        return 2 * n

    assert double(4) == 8


def test_branches_choose_and_the_rest_is_skipped():
    @task.branch
    def pick(n: int):
        return "small" if n < 10 else ["large", "both"]

    @task
    def small(): ...

    @task
    def large(): ...

    @task
    def both(): ...

    @task(trigger_rule="none_failed_min_one_success")
    def join(): ...

    @dag
    def branching(n: int = 1):
        pick(n) >> [small(), large(), both()] >> join()

    assert branching.test({"n": 1}).states == {
        "pick": "success",
        "small": "success",
        "large": "skipped",
        "both": "skipped",
        "join": "success",
    }
    assert branching.test({"n": 10}).states["small"] == "skipped"


def test_a_short_circuit_stops_what_follows():
    @task.short_circuit
    def go_on(x: bool):
        return x

    @task
    def after(): ...

    @dag
    def circuit(x: bool = False):
        go_on(x) >> after()

    assert circuit.test().states["after"] == "skipped"
    assert circuit.test({"x": True}).states["after"] == "success"


def test_mapping_over_lists_makes_all_combinations():
    @task
    def numbers() -> list[int]:
        return [1, 2]

    @task
    def times(x: int, y: int, z: int) -> int:
        return x * y * z

    @task
    def total(values: list[int]) -> int:
        return sum(values)

    @dag
    def mapped():
        total(times.partial(z=10).expand(x=numbers(), y=[5, 7]))

    run = mapped.test()
    assert run.output("times") == [50, 70, 100, 140]
    assert run.output("total") == 360


def test_failures_are_tried_again_but_for_permanent_ones():
    seen = []

    @task(retries=2)
    def flaky(context: Context):
        seen.append(context.try_number)
        if context.try_number < 3:
            raise Retry("not yet", after=0.5)
        return "done"

    @task(retries=5)
    def hopeless():
        seen.append("x")
        raise AirflowFailException("never")

    @dag
    def retried():
        flaky()

    @dag
    def failed():
        hopeless()

    assert retried.test().output("flaky") == "done"
    assert seen == [1, 2, 3]
    with pytest.raises(RunFailed, match="never"):
        failed.test()
    assert seen == [1, 2, 3, "x"]


def test_skips_carry_on_to_what_hangs_on_them():
    @task
    def nothing():
        raise AirflowSkipException("no news")

    @task
    def after(x): ...

    @task(trigger_rule="all_done")
    def always(x: str) -> str:
        return f"got {x}"

    @dag
    def skipping():
        news = nothing()
        after(news)
        always(news)

    run = skipping.test()
    assert run.states == {"nothing": "skipped", "after": "skipped", "always": "success"}
    assert run.output("always") == "got None"
    assert Skip is AirflowSkipException


def test_a_deferral_comes_back_with_its_state():
    @task
    def wait(context: Context):
        seen = context.resumed or 0
        if seen < 3:
            raise Defer(after=timedelta(hours=1), state=seen + 1)
        return seen

    @dag
    def waiting():
        wait()

    assert waiting.test().output("wait") == 3
    with pytest.raises(ValueError, match="time zone"):
        Defer(until=datetime(2026, 1, 1))
    with pytest.raises(TypeError, match="one of"):
        Defer()
    with pytest.raises(TypeError, match="timeout"):
        Defer(after=1, timeout=2)


def test_a_task_waits_for_an_event_or_its_timeout():
    @task
    def wait(context: Context, timeout: int | None):
        if context.woken is None:
            raise Defer(event="paid", timeout=timeout, state="asked")
        assert context.resumed == "asked"
        return "late" if context.woken.timed_out else context.woken.payload

    @dag(params={"timeout": 60})
    def waiting(timeout):
        wait(timeout=timeout)

    assert waiting.test(events={"paid": {"by": "ada"}}).output("wait") == {"by": "ada"}
    assert waiting.test().output("wait") == "late"
    with pytest.raises(RunFailed, match="events="):
        waiting.test({"timeout": None})
    with weft.testing.attempt(event=("paid", 3)):
        woken = get_current_context().woken
    assert (woken.event, woken.payload, woken.timed_out) == ("paid", 3, False)


def test_a_sensor_asks_until_it_is_there():
    asked = []

    @task.sensor(poke_interval=30, timeout=timedelta(hours=1), mode="reschedule")
    def there():
        asked.append(time.time())
        return len(asked) == 3

    @dag
    def sensing():
        there()

    assert sensing.test().states == {"there": "success"}
    assert len(asked) == 3

    @task.sensor(timeout=0, soft_fail=True)
    def never():
        return False

    @dag
    def given_up():
        never()

    assert given_up.test().states == {"never": "skipped"}


def test_the_context_comes_by_annotation_by_name_and_by_call():
    @task
    def by_annotation(context: Context) -> list:
        return [context.dag_id, context.task_id, context["ds"], context.params]

    @task
    def by_name(ds=None, params=None, ti=None, logical_date=None):
        return [ds, params["x"], ti.task_id, logical_date.year]

    @task
    def by_call():
        return get_current_context().run_id

    @task
    def by_everything(**kwargs):
        return kwargs["ts_nodash"]

    @dag
    def contexts(x: int = 7):
        by_annotation(), by_name(), by_call(), by_everything()

    run = contexts.test(logical_date=datetime(2026, 3, 4, 5, tzinfo=timezone.utc))
    assert run.output("by_annotation") == ["contexts", "by_annotation", "2026-03-04", {"x": 7}]
    assert run.output("by_name") == ["2026-03-04", 7, "by_name", 2026]
    assert run.output("by_call") == "test"
    assert run.output("by_everything") == "20260304T050000"
    with pytest.raises(RuntimeError, match="no task is running"):
        get_current_context()


def test_artifacts_travel_by_reference():
    @task
    def draw() -> Artifact:
        with Artifact.create("image/svg+xml") as chart:
            for _ in range(3):
                chart.write(b"<svg/>")
        return chart.artifact

    @task
    def measure(chart: Artifact) -> int:
        return len(chart.read())

    @dag
    def drawing():
        measure(draw())

    run = drawing.test()
    assert run.output("measure") == 18
    assert list(run.artifacts.values()) == [b"<svg/>" * 3]


def test_variables_need_a_grant():
    @task(grants={"variables": ["key"]})
    def granted():
        return Variable.get("key"), Variable.get("absent", default=1) if False else None

    @task
    def refused():
        return Variable.get("key")

    @dag
    def reading():
        granted()

    @dag
    def denied():
        refused()

    assert reading.test(variables={"key": "v"}).output("granted") == ["v", None]
    with pytest.raises(RunFailed, match="not granted to this task; add it"):
        denied.test(variables={"key": "v"})
    with weft.testing.attempt(variables={"n": "[1]"}):
        assert Variable.get("n", deserialize_json=True) == [1]
        assert Variable.get("other", default="d") == "d"


def test_an_output_that_is_not_what_was_promised_names_the_function():
    @task
    def promised() -> list[int]:
        return ["x"]

    @task
    def unserialisable():
        return {"a": object()}

    @dag
    def broken():
        promised()

    @dag
    def worse():
        unserialisable()

    with pytest.raises(RunFailed, match=r"promised returned .*test_runs.py:\d+\): output\[0\]: expected int"):
        broken.test()
    with pytest.raises(RunFailed, match=r"returned a value that can't be passed on .*nothing that JSON can hold"):
        worse.test()


def test_a_branch_chooses_among_its_downstreams():
    @task.branch
    def pick():
        return "elsewhere"

    @task
    def here(): ...

    @dag
    def lost():
        pick() >> here()

    with pytest.raises(RunFailed, match=r"chose 'elsewhere', which is none of its direct downstreams \(here\)"):
        lost.test()


def test_a_traceback_begins_in_the_authors_code(caplog):
    def inner():
        return 1 / 0

    @task
    def raises():
        inner()

    @dag
    def tracing():
        raises()

    with caplog.at_level(logging.ERROR), pytest.raises(RunFailed, match="ZeroDivisionError"):
        tracing.test()
    lines = caplog.records[-1].getMessage().splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "test_runs.py" in lines[1] and "in raises" in lines[1]
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_inputs_that_do_not_fit_are_permanent():
    runs = []

    @task
    def text():
        return "x"

    @task(retries=3)
    def number(n: int):
        runs.append(n)

    @dag
    def misfit():
        number(text())

    with pytest.raises(RunFailed, match="input n: expected int, got str 'x'"):
        misfit.test()
    assert runs == []


def test_what_makes_a_failure_permanent():
    from weft.attempt import permanent

    assert permanent(Fail("x"))
    assert not permanent(ValueError("x"))
    try:
        try:
            raise Fail("deep")
        except Fail as error:
            raise ConnectionError("above") from error
    except ConnectionError as error:
        assert permanent(error)


def test_parameters_are_checked():
    @dag
    def asks(name: str):
        task(lambda name: name).override(task_id="say")(name)

    with pytest.raises(TypeError, match="no default"):
        asks.test()
    with pytest.raises(TypeError, match="no parameter 'nme'"):
        asks.test({"nme": 1})
    assert asks.test({"name": "x"}).output("say") == "x"
