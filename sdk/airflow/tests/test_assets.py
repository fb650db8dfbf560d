"""Assets of DAG files: outlets, schedules, and what tasks say of their updates."""

import pytest

from test_import import importing  # noqa: F401

SCHEDULES = [
    ('Asset("orders")', "orders"),
    ('[Asset("orders")]', ["orders"]),
    ('[Asset("a"), Asset("b")]', ["a", "b"]),
    ('Asset("a") & Asset("b") & Asset("c")', ["a", "b", "c"]),
    ('Asset("a") | Asset("b") | Asset("c")', {"any": ["a", "b", "c"]}),
    ('(Asset("a") & Asset("b")) | Asset("c")', {"any": [["a", "b"], "c"]}),
    ('AssetAll(Asset("a"), AssetAny(Asset("b"), Asset("c")))', ["a", {"any": ["b", "c"]}]),
    ('Asset(name="orders", uri="s3://lake/orders")', "orders"),
]


@pytest.mark.parametrize(("schedule", "condition"), SCHEDULES, ids=[schedule for schedule, _ in SCHEDULES])
def test_a_schedule_of_assets_is_a_condition(importing, schedule, condition):  # noqa: F811
    imported = importing(
        f"""
        from airflow.sdk import DAG, Asset, AssetAll, AssetAny, task
        with DAG("made", schedule={schedule}):
            @task
            def one(): ...
            one()
        """
    )
    assert imported.reasons == []
    document = imported.load()["made"].document()
    assert document["on_assets"] == condition
    assert "schedule" not in document and "catchup" not in document


def test_time_and_assets_create_runs_together(importing):  # noqa: F811
    imported = importing(
        """
        from airflow.datasets import Dataset
        from airflow.decorators import dag, task
        from airflow.timetables.datasets import DatasetOrTimeSchedule
        from airflow.timetables.trigger import CronTriggerTimetable

        @dag(schedule=DatasetOrTimeSchedule(timetable=CronTriggerTimetable("0 1 * * 3", timezone="UTC"), datasets=[Dataset("s3://lake/a b")]))
        def either():
            @task(outlets=[Dataset("s3://out")])
            def one(): ...
            one()
        either()
        """
    )
    assert imported.dags["either"]["schedule"] == "0 1 * * 3, assets: s3://lake/a b"
    assert imported.reasons == ["DAG either: schedule: the name 's3://lake/a b' is not one of an asset in Weft: it became 's3://lake/a_b'"]
    document = imported.load()["either"].document()
    assert (document["schedule"], document["on_assets"]) == ("0 1 * * 3", ["s3://lake/a_b"])
    assert document["tasks"]["one"]["outlets"] == ["s3://out"]


def test_outlets_and_what_is_said_of_them_are_updates(importing):  # noqa: F811
    imported = importing(
        """
        from airflow.sdk import DAG, Asset, Metadata, task
        from airflow.providers.standard.operators.empty import EmptyOperator

        orders = Asset("s3://lake/orders")

        with DAG("produces", schedule=None):
            @task(outlets=[orders])
            def yields():
                yield Metadata(orders, {"rows": 3})
                return 7

            @task(outlets=[orders, Asset("other")])
            def says(*, outlet_events):
                outlet_events[orders].extra = {"rows": 4}
                return "said"

            @task(outlets=[orders])
            def plain():
                return 1

            yields() >> says() >> plain() >> EmptyOperator(task_id="nothing", outlets=[Asset("empty")])
        """
    )
    assert imported.reasons == []
    made = imported.load()["produces"]
    run = made.test()
    assert [run.output(task) for task in ("yields", "says", "plain")] == [7, "said", 1]
    metadata = [update.get("metadata") for update in run.assets["s3://lake/orders"]]
    assert metadata == [{"rows": 3}, {"rows": 4}, None]
    assert len(run.assets["other"]) == len(run.assets["empty"]) == 1


def test_a_body_reads_what_its_run_was_made_of(importing):  # noqa: F811
    imported = importing(
        """
        from airflow.sdk import DAG, Asset, task

        orders = Asset("s3://lake/orders")

        with DAG("consumes", schedule=[orders]):
            @task
            def all_of_them(triggering_asset_events=None):
                return {asset.uri: [event.extra for event in events] for asset, events in triggering_asset_events.items()}

            @task
            def one_of_them(*, triggering_asset_events):
                event = triggering_asset_events[orders][0]
                return [event.partition_key, event.timestamp.hour, event.source_run_id, len(triggering_asset_events[Asset("other")])]

            @task
            def by_address(triggering_dataset_events=None):
                return list(triggering_dataset_events)

            all_of_them(), one_of_them(), by_address()
        """
    )
    assert imported.reasons == []
    made = imported.load()["consumes"]
    assert made.document()["params"]["assets"] == {"default": {}, "schema": {"type": "object"}}
    update = {"partition": "2026-11-26", "metadata": {"rows": 3}, "at": "2026-11-26T06:00:00.000Z", "run": "0c3k5v7n9q1st"}
    run = made.test({"assets": {"s3://lake/orders": [update, {"at": "2026-11-26T07:00:00.000Z"}]}})
    assert run.output("all_of_them") == {"s3://lake/orders": [{"rows": 3}, {}]}
    assert run.output("one_of_them") == ["2026-11-26", 6, "0c3k5v7n9q1st", 0]
    assert run.output("by_address") == ["s3://lake/orders"]
    assert made.test(check=False).output("all_of_them") == {}


def test_the_decorator_asset_makes_a_dag_that_updates_it(importing):  # noqa: F811
    imported = importing(
        """
        from airflow.sdk import Asset, asset

        @asset(schedule="@daily", uri="s3://lake/orders")
        def orders():
            return 3

        @asset(schedule=orders)
        def report():
            return 4

        @asset.multi(schedule=None, outlets=[Asset("a"), Asset("b")])
        def both(): ...
        """
    )
    assert imported.reasons == []
    dags = {name: dag.document() for name, dag in imported.load().items()}
    assert dags["orders"]["tasks"]["orders"]["outlets"] == ["orders"]
    assert dags["report"]["on_assets"] == "orders"
    assert dags["both"]["tasks"]["both"]["outlets"] == ["a", "b"]


def test_what_can_not_be_carried_over_is_in_the_report(importing):  # noqa: F811
    imported = importing(
        """
        from airflow.sdk import DAG, Asset, AssetAlias, PartitionedAssetTimetable, task
        from lake import unknown

        with DAG("partitioned", schedule=PartitionedAssetTimetable(assets=Asset("a"))):
            @task(outlets=[AssetAlias("later"), unknown.asset], inlets=[Asset("read")])
            def one(*, inlet_events): ...
            one()
        """
    )
    text = "\n".join(imported.reasons)
    for words in (
        "one run has the updates of all partitions",
        "the alias later names assets when a task runs",
        "outlets: <lake.unknown.asset> is no asset that can be known here",
        "what a task reads (read) is not recorded",
        "inlet_events of Airflow's context has no counterpart",
    ):
        assert words in text, text
    document = imported.load()["partitioned"].document()
    assert document["on_assets"] == "a"
    assert document["tasks"]["one"]["outlets"] == ["later"]
