from datetime import datetime, timezone

from orders import ORDERS, REPORT, load_orders, report_orders

DATE = datetime(2026, 11, 26, 5, tzinfo=timezone.utc)


def test_a_day_is_loaded():
    run = load_orders.test(logical_date=DATE)
    assert run.output("load") == 3
    [update] = run.assets[ORDERS]
    assert (update["partition"], update["metadata"]) == ("2026-11-26", {"rows": 3, "cents": 4140})


def test_a_partition_that_is_no_date_is_loaded():
    [update] = load_orders.test({"partition": "north"}).assets[ORDERS]
    assert update["partition"] == "north"


def test_what_was_loaded_is_reported():
    run = report_orders.test({"assets": load_orders.test(logical_date=DATE).assets})
    assert run.output("report") == "2026-11-26: 3 orders of 41.40"
    assert len(run.assets[REPORT]) == 1


def test_updates_that_were_gathered_are_one_report():
    updates = [*load_orders.test(logical_date=DATE).assets[ORDERS], {"metadata": {"rows": 1, "cents": 60}}]
    assert report_orders.test({"assets": {ORDERS: updates}}).output("report") == "2026-11-26, all days: 4 orders of 42.00"


def test_without_updates_there_is_nothing_to_report():
    run = report_orders.test()
    assert run.states["report"] == "skipped"
    assert run.assets == {}
