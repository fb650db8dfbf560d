"""Runs in this process."""

import logging
import time
from datetime import datetime, timedelta, timezone

import pytest

import weft.testing
from weft import (
    Approval,
    Artifact,
    Call,
    Context,
    Defer,
    Fail,
    ObservedUpdate,
    Retry,
    Skip,
    Variable,
    Woken,
    dag,
    get_current_context,
    task,
)
from weft.attempt import Success, run
from weft.dags import forget, registered
from weft.document import Catalogue
from weft.exceptions import AirflowFailException, AirflowSkipException
from weft.local.run import RunFailed

DATE = datetime(2026, 1, 1, tzinfo=timezone.utc)


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


def test_zipped_lists_make_an_instance_of_each_position():
    @task
    def numbers(count: int) -> list[int]:
        return list(range(1, count + 1))

    @task
    def times(x: int, y: int, z: int) -> int:
        return x * y * z

    @dag
    def zipped(count: int = 2):
        times.partial(z=10).zip(x=numbers(count), y=[5, 7])

    assert zipped.test().output("times") == [50, 140]
    with pytest.raises(RunFailed, match=r'"x" \(3\) and "y" \(2\) go together and must have one length'):
        zipped.test({"count": 3})


ROWS = [
    {"id": 1, "active": True, "name": "a"},
    {"id": 2, "active": False, "name": "b"},
    {"id": 3, "name": "c"},
    {"id": 4, "active": None, "name": "d"},
    {"id": 5, "active": 0},
]


@task
def rows(given: list = ROWS) -> list:  # noqa: B006
    return given


@task
def load(id: int, name: str = "none", day: int = 1, ds=None) -> str:
    return f"{id} {name} {day}"


def test_an_instance_gets_a_part_of_its_element():
    @dag
    def parts(given: list = ROWS):  # noqa: B006
        load.partial(day=2).zip(id=given.each["id"], name=rows().each["name"])
        load.expand(id=rows().each.filter("active")["id"], name=["x", "y"])

    run = parts.test()
    assert run.output("load") == ["1 a 2", "2 b 2", "3 c 2", "4 d 2", "5 none 2"]
    # Neither 0 nor an empty list is left out, as neither missing nor None nor False.
    assert run.output("load__1") == ["1 x 1", "1 y 1", "5 x 1", "5 y 1"]


def test_filters_and_parts_follow_pointers():
    @task
    def nested() -> dict:
        return {"rows": [{"meta": {"a/b": [None, True]}, "x": [1, 2]}, {"meta": {"a/b": [True]}}, {"meta": [1]}, 5, {}]}

    @dag
    def pointers():
        load.expand(id=nested()["rows"].each.filter("meta", "a/b", 1)["x"][1])

    assert pointers.test().output("load") == ["2 none 1"]


def test_lists_are_filtered_before_they_are_zipped():
    @dag
    def zipped(given: list = ROWS):  # noqa: B006
        load.zip(id=given.each.filter("active")["id"], name=["x", "y"])
        load.zip(id=given.each.filter("active")["id"], name=given.each["name"])

    run = zipped.test(check=False)
    assert run.output("load") == ["1 x 1", "5 y 1"]
    assert run.instances["load__1"][0].message == (
        'the task can\'t be mapped: the lists "id" (2) and "name" (5) go together and must have one length'
    )


def test_a_task_is_skipped_if_its_filter_leaves_no_element():
    @dag
    def none():
        load.expand(id=rows().each.filter("deleted")["id"])

    assert none.test().states["load"] == "skipped"


def test_an_input_that_its_element_leaves_out_needs_a_default():
    @dag
    def lacking():
        load.expand(id=rows([{"id": 1}, {"key": 2}]).each["id"])

    run = lacking.test(check=False)
    assert [instance.state for instance in run.instances["load"]] == ["success", "failed"]
    failed = run.instances["load"][1]
    assert failed.message == "input id: is missing: the element has nothing at /id, and the parameter has no default"
    assert failed.attempts == 1


def test_parameters_are_taken_by_name_from_dicts():
    @dag
    def keywords():
        load.partial(day=2).expand_kwargs(rows())
        load.expand_kwargs(rows().each.filter("active"))
        load.expand_kwargs([{"id": 7}, {"id": 8, "day": 3}])
        load.expand_kwargs([])

    run = keywords.test()
    assert run.output("load") == ["1 a 2", "2 b 2", "3 c 2", "4 d 2", "5 none 2"]
    assert run.output("load__1") == ["1 a 1", "5 none 1"]
    assert run.output("load__2") == ["7 none 1", "8 none 3"]
    assert run.states["load__3"] == "skipped"


def test_a_mapped_function_is_called_with_the_element_of_its_instance():
    seen = []

    def even(row: dict) -> dict:
        seen.append(get_current_context().task_id)
        if row["id"] % 2:
            raise Skip("odd")
        return row

    @dag
    def computed():
        load.expand(id=rows().map(even).map(lambda row: row["id"] * 10))
        named = rows().each.filter("name")
        load.partial(day=2).expand_kwargs(named.map(lambda row: {"id": row["id"], "name": row["name"] * 2}))
        load.expand(id=rows().each["id"].map(str).map(int), name=["x"])

    run = computed.test()
    assert run.output("load") == ["20 none 1", "40 none 1"]
    states = [instance.state for instance in run.instances["load"]]
    assert states == ["skipped", "success", "skipped", "success", "skipped"]
    assert run.instances["load"][0].message == "odd"
    assert seen == ["load"] * 5
    assert run.output("load__1") == ["1 aa 2", "2 bb 2", "3 cc 2", "4 dd 2"]
    assert run.output("load__2") == ["1 x 1", "2 x 1", "3 x 1", "4 x 1", "5 x 1"]


def test_a_mapped_function_returns_json_or_what_the_annotation_says():
    @task
    def day_of(day: datetime, note: str | None) -> str:
        return f"{day:%d} {note}"

    @dag
    def days():
        day_of.partial(note=None).expand(day=rows().map(lambda row: datetime(2026, 1, row["id"])))
        day_of.partial(note="x").expand(day=rows().map(lambda row: f"2026-01-0{row['id']}T00:00:00"))
        day_of.partial(note="x").expand(day=rows().map(lambda row: row["id"]))

    run = days.test(check=False)
    assert run.output("day_of")[0] == "01 None"
    assert run.output("day_of__1")[1] == "02 x"
    assert run.instances["day_of__2"][0].message.startswith("input day: expected the text of a datetime, got int 1")


def test_a_component_finds_the_functions_of_a_task_by_its_name():
    @dag
    def one():
        load.expand(id=rows().map(lambda row: row["id"]))

    @dag
    def two():
        load.expand_kwargs(rows().map(lambda row: {"id": row["id"] + 1}))

    tasks = Catalogue(registered()).tasks
    with weft.testing.attempt():
        assert run(tasks["one/load"], {"id": {"id": 1}}) == Success("1 none 1")
        assert run(tasks["two/load"], {"kwargs:element": {"id": 1}}) == Success("2 none 1")


def test_a_part_that_is_left_out_is_not_given_to_a_mapped_function():
    @dag
    def lacking():
        load.zip(id=rows().each["id"], name=rows().each["name"].map(str.upper))

    assert lacking.test().output("load")[3:] == ["4 D 1", "5 none 1"]


def test_the_attempt_fails_with_its_mapped_function():
    attempts = []

    def broken(row: dict) -> int:
        attempts.append(row.pop("id"))
        raise ValueError("no such row")

    @dag
    def failing():
        load.override(retries=1)(1)
        load.override(task_id="one", retries=1).expand(id=rows([{"id": 1}]).map(broken))

    run = failing.test(check=False)
    assert run.instances["one"][0].message == "ValueError: no such row"
    # The second attempt gets the element as the first one did.
    assert attempts == [1, 1]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda row: 5, "input of expand_kwargs: the function of .map() returns a dict of parameters, not 5"),
        (lambda row: {"id": 1, "day": 2}, "input day: is given by partial and by the function of .map()"),
        (lambda row: {"id": 1, "x": 2}, "input x: comes from the function of .map(), and is no parameter of the task"),
        (lambda row: {"name": "x"}, "input id: is missing"),
    ],
)
def test_wrong_parameters_of_a_mapped_function_are_explained(function, message):
    @dag
    def wrong():
        load.partial(day=1).expand_kwargs(rows([{}]).map(function))

    assert wrong.test(check=False).instances["load"][0].message == message


def test_a_teardown_runs_whatever_happened_if_a_setup_succeeded():
    @task
    def create(how: str):
        if how == "fails":
            raise ValueError("no cluster")
        if how == "skips":
            raise Skip()
        return how

    @task
    def work(cluster: str):
        if cluster == "broken":
            raise ValueError("no work")
        return cluster

    @task
    def destroy(cluster: str, done: str):
        return [cluster, done]

    @dag(params={"how": "whole"})
    def cluster(how):
        made = create(how)
        destroy(made, work(made)).teardown_of(made)

    assert cluster.test().output("destroy") == ["whole", "whole"]
    run = cluster.test({"how": "broken"}, check=False)
    assert run.states == {"create": "success", "work": "failed", "destroy": "success"}
    assert run.output("destroy") == ["broken", None]
    assert cluster.test({"how": "fails"}, check=False).state("destroy") == "upstream_failed"
    assert cluster.test({"how": "skips"}).state("destroy") == "skipped"


@pytest.mark.parametrize("fails_run", [False, True])
def test_a_teardown_fails_its_run_only_where_it_says_so(fails_run):
    @task
    def create(): ...

    @task
    def destroy():
        raise ValueError("no way")

    @dag
    def undone():
        destroy().teardown_of(create(), fails_run=fails_run)

    run = undone.test(check=False)
    assert run.state("destroy") == "failed"
    assert run.succeeded is not fails_run
    if fails_run:
        with pytest.raises(RunFailed, match="no way"):
            undone.test()
    else:
        undone.test()


def test_only_failures_with_the_named_codes_are_retried():
    @task(retries=2)
    def flaky(context: Context):
        if context.try_number < 2:
            raise Retry("not yet")

    @dag
    def retried():
        flaky.override(task_id="some", retry_on=["timeout", "author"])()
        flaky.override(task_id="none", retry_on=["timeout"])()

    run = retried.test(check=False)
    assert run.states == {"some": "success", "none": "failed"}
    assert run.instances["none"][0].attempts == 1


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


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Defer(run="0c3k5v7n9q1st", event="paid"),
            "one of `after`, `until`, `event`, `run`, `dag`, `call`, `approval` and `asset`",
        ),
        (lambda: Defer(asset="orders", event="paid"), "one of"),
        (lambda: Defer(event="paid", task="load"), "`task` goes with `run`, or with `dag` and `logical_date`"),
        (lambda: Defer(asset="orders", task="load"), "`task` goes with `run`"),
        (lambda: Defer(dag="daily", task="load"), "`dag` and `logical_date` go together"),
        (lambda: Defer(run="0c3k5v7n9q1st", task=7), "`task` is the id of a task, such as 'load', not 7"),
        (lambda: Defer(event="paid", partition="2026-11-26"), "`partition` and `since` go with `asset`"),
        (lambda: Defer(run="0c3k5v7n9q1st", since=DATE), "`partition` and `since` go with `asset`"),
        (lambda: Defer(asset="orders", since="2026-11-26"), "`since` is a datetime, not '2026-11-26'"),
        (lambda: Defer(asset="orders", partition=7), "`partition` of orders is text"),
        (lambda: Defer(asset=7), "the name of an asset is text"),
        (lambda: Defer(call=Call("child"), dag="daily", logical_date=DATE), "one of"),
        (lambda: Defer(dag="daily"), "`dag` and `logical_date` go together"),
        (lambda: Defer(run="0c3k5v7n9q1st", logical_date=DATE), "`dag` and `logical_date` go together"),
        (lambda: Defer(call=Call("child"), logical_date=DATE), r"Call\('child', logical_date="),
        (lambda: Defer(dag="daily", logical_date="2026-01-01"), "`logical_date` is a datetime"),
        (lambda: Defer(call=Call("child", wait=False), timeout=5), "wait=False takes no `timeout`"),
        (lambda: Defer(call="child"), r"takes a Call, such as Call\('child'"),
        (lambda: Defer(approval="Ship it?"), r"takes an Approval, such as Approval\('Ship it"),
        (lambda: Defer(approval=Approval("Ship it?", default="reject")), "after the `timeout`: give one"),
        (lambda: Approval("two\nlines"), "a question of one line"),
        (lambda: Approval("Ship it?", options="yes"), "`options` are a list of names"),
        (lambda: Call("child", params=[7]), r"are a dict such as \{'rows': 7\}, not \[7\]"),
        (lambda: Call(7), "names a DAG by its id, not 7"),
    ],
)
def test_a_deferral_that_is_none_fails_where_it_is_written(make, words):
    with pytest.raises(TypeError, match=words):
        make()


def test_dates_of_runs_have_a_zone():
    for make in (
        lambda naive: Defer(dag="daily", logical_date=naive),
        lambda naive: Call("child", logical_date=naive),
    ):
        with pytest.raises(ValueError, match="`logical_date` needs a time zone"):
            make(datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="`since` needs a time zone"):
        Defer(asset="orders", since=datetime(2026, 1, 1))


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


def _control(defer: Defer, **settings) -> dict:
    """The control document of a task that raises this."""

    @task(**settings)
    def waits():
        raise defer

    @dag
    def one():
        waits()

    [node] = one.build().nodes.values()
    outcome = run(node, {})
    forget()
    return outcome.document


def test_waits_for_runs_and_calls_are_written_as_the_contract_says():
    assert _control(Defer(run="0c3k5v7n9q1st", timeout=1.5, state=[1])) == {
        "kind": "defer",
        "run": "0c3k5v7n9q1st",
        "timeout_ms": 1500,
        "state": [1],
    }
    berlin = timezone(timedelta(hours=1))
    assert _control(Defer(dag="daily", logical_date=datetime(2026, 1, 1, 1, tzinfo=berlin))) == {
        "kind": "defer",
        "dag": "daily",
        "logical_date": "2026-01-01T00:00:00Z",
        "timeout_ms": None,
        "state": None,
    }
    call = Call("child", {"rows": 7}, logical_date=DATE)
    assert _control(Defer(call=call, timeout=timedelta(hours=1))) == {
        "kind": "defer",
        "call": {"dag": "child", "params": {"rows": 7}, "wait": True, "logical_date": "2026-01-01T00:00:00Z"},
        "timeout_ms": 3_600_000,
        "state": None,
    }
    assert _control(Defer(call=Call("child", wait=False)))["call"] == {"dag": "child", "params": {}, "wait": False}

    @task
    def calls():
        raise Defer(call=Call("child", {"rows": object()}))

    @dag
    def unfit():
        calls()

    with pytest.raises(RunFailed, match=r"the deferral's params\.rows: object .* nothing that JSON can hold"):
        unfit.test()


def test_a_task_waits_for_a_run():
    @task
    def by_id(context: Context, timeout: int | None):
        if context.woken is None:
            raise Defer(run="0c3k5v7n9q1st", timeout=timeout)
        return [context.woken.run, context.woken.dag, context.woken.state, context.woken.outputs]

    @task
    def by_date(context: Context):
        if context.woken is None:
            raise Defer(dag="daily", logical_date=context.logical_date)
        context.woken.succeeded()
        return context.woken.run

    @dag(params={"timeout": None})
    def by_ids(timeout):
        by_id(timeout=timeout)

    @dag
    def by_dates():
        by_date()

    runs = {"0c3k5v7n9q1st": {"state": "cancelled", "outputs": {"only of": "called runs"}}}
    assert by_ids.test(runs=runs).output("by_id") == ["0c3k5v7n9q1st", None, "cancelled", None]
    assert by_ids.test({"timeout": 5}).output("by_id") == [None, None, None, None]
    with pytest.raises(RunFailed, match=r"for ever: add runs=\{'0c3k5v7n9q1st': \{'state': 'success'\}\}"):
        by_ids.test()
    assert by_dates.test(runs={"daily": {"run": "0000000000007"}}).output("by_date") == "0000000000007"
    with pytest.raises(RunFailed, match="run test-daily of DAG daily ended as failed"):
        by_dates.test(runs={"daily": {"state": "failed"}})
    with pytest.raises(RunFailed, match="there is no DAG daily, so it has no run"):
        by_dates.test(runs={"daily": {"state": "missing"}})
    with pytest.raises(RunFailed, match=r"add runs=\{'daily'"):
        by_dates.test()
    with pytest.raises(TypeError, match="is one of success, failed, cancelled, missing, not 'done'"):
        by_dates.test(runs={"daily": {"state": "done"}})
    with pytest.raises(TypeError, match="takes a dict with `state`"):
        by_dates.test(runs={"daily": "success"})


def test_waits_for_tasks_of_runs_are_written_as_the_contract_says():
    assert _control(Defer(run="0c3k5v7n9q1st", task="load", timeout=1.5, state=[1])) == {
        "kind": "defer",
        "run": "0c3k5v7n9q1st",
        "task": "load",
        "timeout_ms": 1500,
        "state": [1],
    }
    assert _control(Defer(dag="daily", logical_date=DATE, task="load")) == {
        "kind": "defer",
        "dag": "daily",
        "logical_date": "2026-01-01T00:00:00Z",
        "task": "load",
        "timeout_ms": None,
        "state": None,
    }


def test_a_task_waits_for_a_task_of_a_run():
    @task
    def by_id(context: Context, timeout: int | None):
        if context.woken is None:
            raise Defer(run="0c3k5v7n9q1st", task="load", timeout=timeout)
        woken = context.woken
        return [woken.run, woken.dag, woken.task, woken.state, woken.outputs, woken.timed_out]

    @task
    def by_date(context: Context):
        if context.woken is None:
            raise Defer(dag="daily", logical_date=context.logical_date, task="load")
        return context.woken.succeeded()

    @dag(params={"timeout": None})
    def by_ids(timeout):
        by_id(timeout=timeout)

    @dag
    def by_dates():
        by_date()

    run_id = "0c3k5v7n9q1st"
    named = {run_id: {"state": "failed", "tasks": {"load": "skipped", "other": "failed"}, "outputs": {"a": 1}}}
    assert by_ids.test(runs=named).output("by_id") == [run_id, None, "load", "skipped", None, False]
    of_dag = {"daily": {"run": run_id, "tasks": {"load": "success"}}}
    assert by_ids.test(runs=of_dag).output("by_id") == [run_id, "daily", "load", "success", None, False]
    of_other = {"daily": {"run": run_id, "tasks": {"other": "success"}}}
    assert by_ids.test({"timeout": 5}, runs=of_other).output("by_id") == [None, None, None, None, None, True]
    with pytest.raises(RunFailed, match=r"for ever: add runs=\{'0c3k5v7n9q1st': \{'tasks': \{'load': 'success'\}\}\}"):
        by_ids.test(runs=of_other)
    assert by_dates.test(runs={"daily": {"tasks": {"load": "success"}}}).output("by_date") == {}
    for state in ["failed", "skipped", "cancelled"]:
        with pytest.raises(RunFailed, match=f"task load of run test-daily of DAG daily ended as {state}"):
            by_dates.test(runs={"daily": {"tasks": {"load": state}}})
    with pytest.raises(RunFailed, match="there is no task load of run test-daily of DAG daily"):
        by_dates.test(runs={"daily": {"tasks": {"load": "missing"}}})
    with pytest.raises(RunFailed, match="there is no task load of DAG daily"):
        by_dates.test(runs={"daily": {"state": "missing"}})
    with pytest.raises(TypeError, match="of task load is one of success, failed, skipped, .*, not 'done'"):
        by_dates.test(runs={"daily": {"tasks": {"load": "done"}}})
    with pytest.raises(TypeError, match="`tasks` are a dict"):
        by_dates.test(runs={"daily": {"tasks": ["load"]}})


def test_states_of_tasks_are_no_part_of_how_a_run_ends():
    woken = []

    @task(grants={"dags": ["daily"]})
    def waits(context: Context):
        woken.append(context._attempt.get("woken"))
        if len(woken) == 1:
            raise Defer(dag="daily", logical_date=context.logical_date)
        if len(woken) == 2:
            raise Defer(call=Call("daily"))

    @dag
    def waiting():
        waits()

    waiting.test(runs={"daily": {"tasks": {"load": "failed"}}})
    assert woken == [None, *[{"run": "test-daily", "dag": "daily", "state": "success"}] * 2]


def test_a_task_calls_a_dag_and_gets_its_outputs():
    attempts = []

    @task(grants={"dags": ["child"]}, retries=1)
    def parent(context: Context, timeout: int | None):
        attempts.append(context.try_number)
        if context.woken is None:
            raise Defer(call=Call("child", {"rows": 7}), timeout=timeout, state="called")
        if context.try_number == 1:
            raise Retry("the state and the end of the wait remain")
        return [context.resumed, context.woken.output("report"), context.woken.succeeded()]

    @dag(params={"timeout": None})
    def calling(timeout):
        parent(timeout=timeout)

    outputs = {"report": {"rows": 7}}
    called = calling.test(runs={"child": {"state": "success", "outputs": outputs}})
    assert called.output("parent") == ["called", {"rows": 7}, outputs]
    assert attempts == [1, 1, 2]
    for runs, words in [
        ({"child": {"outputs": {"other": 1}}}, "run test-child of DAG child has no output of 'report'.*: other"),
        ({"child": {}}, "run test-child of DAG child left no outputs"),
        ({"child": {"state": "cancelled"}}, "run test-child of DAG child ended as cancelled"),
        (
            {"child": {"error": {"code": "dag_paused", "message": "DAG child is paused"}}},
            r"the call was refused: DAG child is paused \(dag_paused\)",
        ),
        ({}, r"for ever: add runs=\{'child': \{'state': 'success', 'outputs': ...\}\}"),
    ]:
        with pytest.raises(RunFailed, match=words):
            calling.test(runs=runs)
    with pytest.raises(RunFailed, match="the run did not end in time"):
        calling.test({"timeout": 5})
    with pytest.raises(TypeError, match="`code` and `message`"):
        calling.test(runs={"child": {"error": "dag_paused"}})


def test_a_call_needs_a_grant_in_a_test_too():
    @task
    def ungranted(context: Context):
        if context.woken is None:
            raise Defer(call=Call("child"))
        return context.woken.error_code

    @dag
    def asking():
        ungranted()

    assert asking.test(runs={"child": {}}).output("ungranted") == "not_granted"


def test_a_detached_call_goes_on_at_once_and_may_be_waited_for_later():
    @task(grants={"dags": "child"})
    def parent(context: Context):
        if context.woken is None:
            raise Defer(call=Call("child", wait=False))
        if context.woken.state == "queued":
            raise Defer(run=context.woken.run, state=[context.woken.dag, context.woken.outputs])
        return [*context.resumed, context.woken.dag, context.woken.state]

    @dag
    def starting():
        parent()

    runs = {"child": {"state": "failed", "outputs": {"a": 1}}}
    assert starting.test(runs=runs).output("parent") == ["child", None, "child", "failed"]
    assert starting.build().document()["tasks"]["parent"]["grants"] == {"dags": ["child"]}


def test_a_single_task_is_woken_by_what_a_test_names():
    def woken(**options):
        with weft.testing.attempt(**options):
            return get_current_context().woken

    ended = woken(run={"dag": "child", "outputs": {"report": 3}})
    assert (ended.run, ended.dag, ended.state, ended.output("report")) == ("test", "child", "success", 3)
    refused = woken(call_refused=("call_loop", "child calls parent"))
    assert (refused.error_code, refused.error, refused.state) == ("call_loop", "child calls parent", None)
    for end, words in [
        (refused, "the call was refused: child calls parent"),
        (woken(run={"state": "missing"}), "there is no run test"),
        (woken(run={"state": "queued"}), "still queued"),
        (woken(run={"dag": "daily", "task": "load", "state": "skipped"}), "task load of run test of DAG daily ended"),
        (woken(update={"asset": "orders"}), "by an update of the asset orders, not by a run"),
        (woken(timed_out=True), "did not end in time"),
        (woken(event=("paid", 1)), "by the event 'paid', not by a run"),
        (Woken(by_command=True), "resumed by a command"),
    ]:
        with pytest.raises(Fail, match=words):
            end.succeeded()
    assert woken(run={"dag": "daily", "task": "load"}).succeeded() == {}
    updated = woken(update={"asset": "orders", "partition": "north", "at": DATE, "metadata": {"rows": 3}}).update
    assert updated == ObservedUpdate("orders", "north", {"rows": 3}, DATE, None)


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


def test_a_task_asks_people():
    form = {"type": "object", "properties": {"rows": {"type": "integer"}}}
    approval = Approval("Ship it?", body="**now**", options=["ship", "wait"], default="wait", form=form, approvers=["ada"])
    assert _control(Defer(approval=approval, timeout=5)) == {
        "kind": "defer",
        "approval": {
            "subject": "Ship it?",
            "options": ["ship", "wait"],
            "body": "**now**",
            "default": "wait",
            "approvers": ["ada"],
            "form": form,
        },
        "timeout_ms": 5000,
        "state": None,
    }
    assert _control(Defer(approval=Approval("Ship it?")))["approval"] == {
        "subject": "Ship it?",
        "options": ["approve", "reject"],
    }

    @task
    def release(context: Context, timeout: int | None):
        if context.woken is None:
            raise Defer(approval=Approval("Ship it?", default="reject" if timeout else None), timeout=timeout)
        decision = context.woken.decision
        return [decision.option, decision.approved, decision.by, decision.fields]

    @dag(params={"timeout": None})
    def releases(timeout):
        release(timeout=timeout)

    assert releases.test(approvals={"release": "approve"}).output("release") == ["approve", True, "test", {}]
    answer = {"option": "reject", "by": "ada", "fields": {"rows": 3}}
    assert releases.test(approvals={"release": answer}).output("release") == ["reject", False, "ada", {"rows": 3}]
    assert releases.test({"timeout": 5}).output("release") == ["reject", False, None, {}]
    with pytest.raises(RunFailed, match=r"for ever: add approvals=\{'release': 'approve'\}"):
        releases.test()
    with pytest.raises(TypeError, match="the options are approve, reject"):
        releases.test(approvals={"release": "maybe"})
    with pytest.raises(TypeError, match="has no such task; it has release"):
        releases.test(approvals={"other": "approve"})
    with weft.testing.attempt(approval={"option": "approve", "comment": "fine"}):
        decision = get_current_context().woken.decision
    assert (decision.approved, decision.comment, decision.by) == (True, "fine", "test")
