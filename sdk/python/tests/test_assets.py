"""Assets: outlets, conditions, and what a task reports of its updates."""

from datetime import date, datetime, timedelta, timezone

import pytest

from weft import (
    AssetUpdate,
    Context,
    Defer,
    RecordedUpdate,
    Skip,
    all_of,
    any_of,
    dag,
    task,
    update,
    within,
)
from weft.attempt import Control, run
from weft.local.run import RunFailed

DATE = datetime(2026, 11, 26, 6, tzinfo=timezone.utc)


@task(outlets=["s3://lake/orders", "s3://lake/rejected"])
def load(day: str) -> int:
    return update(3, assets=[AssetUpdate("s3://lake/orders", partition=day, metadata={"rows": 3})])


@task
def count(assets: dict[str, list[RecordedUpdate]]) -> int:
    return sum(one["metadata"]["rows"] for one in assets["s3://lake/orders"])


def test_outlets_and_conditions_are_fields_of_the_document():
    @dag(schedule="@daily", on_assets=all_of("s3://lake/orders", any_of("a", ("b", "c")), within("rates", timedelta(days=1))))
    def both(assets: dict = {}):  # noqa: B006
        load("2026-11-26")

    found = both.build().document()
    assert found["tasks"]["load"]["outlets"] == ["s3://lake/orders", "s3://lake/rejected"]
    assert found["schedule"] == "@daily"
    assert found["on_assets"] == {
        "all": ["s3://lake/orders", {"any": ["a", ["b", "c"]]}, {"asset": "rates", "within": 86400}]
    }
    for given in ["orders", ["orders", "customers"], {"any": ["a", "b"]}, {"asset": "a", "within": "1d"}, {"asset": "a"}]:

        @dag(on_assets=given)
        def one():
            load("x")

        assert one.build().document()["on_assets"] == given


WRONG = [
    ("outlets are a list of assets' names such as \\['orders'\\], not 'orders'", {"outlets": "orders"}, {}),
    ("starts with a letter, a digit or '_'; '/orders' does not", {"outlets": ["/orders"]}, {}),
    ("at most 250 bytes, this one has 251", {"outlets": ["x" * 251]}, {}),
    ("'a' occurs twice", {"outlets": ["a", "a"]}, {}),
    ("at most 64 assets, not 65", {"outlets": [str(at) for at in range(65)]}, {}),
    ("the name of an asset is text .*, not 5", {"outlets": [5]}, {}),
    ("on_assets: the name of an asset", {}, {"on_assets": "a b"}),
    ("on_assets: a condition names at least one asset", {}, {"on_assets": []}),
    ("on_assets: conditions are in a list, not 'a'", {}, {"on_assets": any_of() | {"any": "a"}}),
    ("on_assets: a condition is an asset's name, a list, or", {}, {"on_assets": 5}),
    ("on_assets: a condition that is a dict is", {}, {"on_assets": {"all": ["a"], "within": "1d"}}),
    ("on_assets: expected a timedelta", {}, {"on_assets": within("a", None)}),
    ("on_assets: a condition names at most 64 assets, not 65", {}, {"on_assets": [str(at) for at in range(65)]}),
    ("assets create runs with on_assets=\\['orders'\\]", {}, {"schedule": ["orders"]}),
    ("the updates in its DAG's parameter|in its DAG's parameter 'assets'", {"inlets": ["orders"]}, {}),
]


@pytest.mark.parametrize(("message", "of_task", "of_dag"), WRONG, ids=[message for message, _, _ in WRONG])
def test_wrong_outlets_and_conditions_are_explained(message, of_task, of_dag):
    @dag(**of_dag)
    def wrong():
        load.override(**of_task)("x")

    with pytest.raises(TypeError, match=message):
        wrong.build()


def test_conditions_are_nested_eight_deep():
    @dag(on_assets=_nested(8))
    def deep():
        load("x")

    @dag(on_assets=_nested(9))
    def deeper():
        load("x")

    assert deep.build().document()["on_assets"] == _nested(8)
    with pytest.raises(TypeError, match="nested at most 8 deep"):
        deeper.build()


def _nested(depth: int):
    return "a" if depth == 1 else [_nested(depth - 1)]


def test_an_update_is_written_as_the_contract_says():
    @dag
    def produces():
        load("2026-11-26")

    [node] = produces.build().nodes.values()
    assert run(node, {"day": "2026-11-26"}) == Control(
        {
            "kind": "update",
            "assets": [{"asset": "s3://lake/orders", "partition": "2026-11-26", "metadata": {"rows": 3}}],
            "output": 3,
        }
    )


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("the name of an asset has at most 250 bytes", lambda: AssetUpdate("x" * 251)),
        ("the name of an asset is made of", lambda: AssetUpdate("")),
        ("`partition` of a has 1 to 250 bytes", lambda: AssetUpdate("a", partition="")),
        ("`partition` of a has 1 to 250 bytes", lambda: AssetUpdate("a", partition="x" * 251)),
        ("`partition` of a has 1 to 250 bytes in one line", lambda: AssetUpdate("a", partition="x\ny")),
        ("`partition` of a is text", lambda: AssetUpdate("a", partition=date(2026, 11, 26))),
        ("`metadata` of a is a dict", lambda: AssetUpdate("a", metadata=[])),
        ("metadata.x: object .*nothing that JSON can hold.*of the asset a", lambda: AssetUpdate("a", metadata={"x": object()})),
        ("at most 4096 bytes of JSON", lambda: AssetUpdate("a", metadata={"x": "y" * 5000})),
        ("a list of AssetUpdate, .*, not 'orders'", lambda: update(1, assets=["orders"])),
        ("at most 256 updates of assets, not 257", lambda: update(1, assets=[AssetUpdate("a")] * 257)),
        ("the asset a is reported twice", lambda: update(1, assets=[AssetUpdate("a"), AssetUpdate("a")])),
    ],
)
def test_wrong_updates_are_explained(message, call):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_only_outlets_can_be_updated_and_only_by_plain_tasks():
    @task(outlets=["a"])
    def other() -> int:
        return update(1, assets=[AssetUpdate("b")])

    @task.branch(outlets=["a"])
    def choose():
        return update("other", assets=[AssetUpdate("a")])

    @task(outlets=["a"])
    def misfit() -> int:
        return update("x", assets=[AssetUpdate("a")])

    @dag
    def names_another():
        other()

    @dag
    def branches():
        choose() >> load("x")

    @dag
    def unfit():
        misfit()

    with pytest.raises(RunFailed, match=r"other updates b, which is none of its outlets \(a\); add it: .*\['a', 'b'\]"):
        names_another.test()
    with pytest.raises(RunFailed, match="a branch has no update"):
        branches.test()
    with pytest.raises(RunFailed, match="output: expected int"):
        unfit.test()


def test_a_test_gives_the_updates_of_one_dag_to_another():
    @task(outlets=["s3://lake/skipped"])
    def skips():
        raise Skip("nothing to do")

    @task(outlets=["s3://lake/regions"])
    def region(name: str) -> str:
        return update(name, assets=[AssetUpdate("s3://lake/regions", partition=name)])

    @dag
    def produces():
        load("2026-11-26")
        skips()
        region.expand(name=["north", "south"])

    @dag(on_assets=["s3://lake/orders"])
    def consumes(assets: dict[str, list[RecordedUpdate]]):
        count(assets)

    produced = produces.test(logical_date=DATE)
    at = {"at": "2026-11-26T06:00:00.000Z", "run": "test"}
    assert produced.output("load") == 3
    assert produced.assets == {
        "s3://lake/orders": [{"partition": "2026-11-26", "metadata": {"rows": 3}, **at}],
        "s3://lake/rejected": [at],
        "s3://lake/regions": [{"partition": "north", **at}, {"partition": "south", **at}],
    }
    assert consumes.test({"assets": produced.assets}).output("count") == 3


def _defers(**given) -> Control:
    """How a task ends that raises such a deferral."""

    @task
    def waits():
        raise Defer(**given)

    @dag
    def one():
        waits()

    [node] = one.build().nodes.values()
    return run(node, {})


def test_waits_for_updates_are_written_as_the_contract_says():
    assert _defers(asset="s3://lake/orders") == Control(
        {"kind": "defer", "asset": "s3://lake/orders", "timeout_ms": None, "state": None}
    )
    berlin = timezone(timedelta(hours=1))
    since = datetime(2026, 11, 26, 1, tzinfo=berlin)
    assert _defers(asset="orders", partition="2026-11-26", since=since, timeout=60, state=[1]) == Control(
        {
            "kind": "defer",
            "asset": "orders",
            "partition": "2026-11-26",
            "since": "2026-11-26T00:00:00Z",
            "timeout_ms": 60_000,
            "state": [1],
        }
    )
    with pytest.raises(ValueError, match="starts with a letter"):
        Defer(asset="/orders")
    with pytest.raises(ValueError, match="`partition` of orders has 1 to 250 bytes"):
        Defer(asset="orders", partition="")


@dag(params={"partition": None, "since": None, "timeout": None})
def awaits(partition, since, timeout):
    await_orders(partition=partition, since=since, timeout=timeout)


@task
def await_orders(context: Context, partition: str | None, since: datetime | None, timeout: int | None) -> list:
    if context.woken is None:
        raise Defer(asset="orders", partition=partition, since=since, timeout=timeout)
    found = context.woken.update
    if found is None:
        return ["late"]
    return [found.asset, found.partition, found.metadata, found.at.isoformat(), found.run]


def test_a_task_waits_for_an_update():
    at, text = datetime(2026, 11, 26, 3, tzinfo=timezone(timedelta(hours=1))), "2026-11-26T02:00:00+00:00"

    def output(params=None, **assets):
        return awaits.test(params, assets=assets).output("await_orders")

    north = {"partition": "north", "metadata": {"rows": 3}, "at": at, "run": "0c3k5v7n9q1st"}
    assert output(orders=north) == ["orders", "north", {"rows": 3}, text, "0c3k5v7n9q1st"]
    plain = output(orders={})
    assert plain[:3] == ["orders", None, None] and plain[4] is None
    assert output({"partition": "north"}, orders=[{"partition": "south"}, north])[1] == "north"
    assert output({"since": text}, orders=[{"at": "2026-11-26T01:59:59Z"}, {"at": "2026-11-26T02:00:00Z"}])[3] == text
    # An update without a time is made while the task waits, whatever it waits for.
    assert output({"since": "2999-01-01T00:00:00Z"}, orders={})[3] == "2999-01-01T00:00:00+00:00"
    for params, updates in [
        ({}, {}),
        ({}, {"customers": {}}),
        ({"partition": "north"}, {"orders": {}}),
        ({"since": "2026-11-26T02:00:01Z"}, {"orders": north}),
    ]:
        assert output({**params, "timeout": 5}, **updates) == ["late"]
        add = "{'partition': 'north'}" if "partition" in params else "{}"
        with pytest.raises(RunFailed, match=f"it waits for ever: add assets={{'orders': {add}}}"):
            output(params, **updates)


def test_a_test_gives_the_updates_of_one_dag_to_a_task_of_another():
    @task(outlets=["orders"])
    def stores() -> int:
        return update(3, assets=[AssetUpdate("orders", partition="north", metadata={"rows": 3})])

    @dag
    def produces():
        stores()

    assets = produces.test(logical_date=DATE).assets
    expected = ["orders", "north", {"rows": 3}, DATE.isoformat(), "test"]
    assert awaits.test({"since": DATE.isoformat()}, assets=assets).output("await_orders") == expected


@pytest.mark.parametrize(
    ("message", "updates"),
    [
        ("takes a dict or a list of dicts, not 'north'", "north"),
        (r"takes a dict or a list of dicts, not \['north'\]", ["north"]),
        ("takes a dict with `partition`, `metadata`, `at`, `run`, not {'rows': 3}", {"rows": 3}),
        ("`at` is a datetime with a time zone", {"at": datetime(2026, 11, 26)}),
        ("`partition` of orders is text", {"partition": 3}),
    ],
)
def test_wrong_updates_of_a_test_are_explained(message, updates):
    with pytest.raises(TypeError, match=message):
        awaits.test(assets={"orders": updates})
