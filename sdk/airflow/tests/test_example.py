"""The DAG files of the example, imported: what is left by hand, and that the rest runs."""

from pathlib import Path

import pytest
from test_import import Imported

from weft_airflow import convert

DAGS = Path(__file__).parents[3] / "examples/from-airflow/dags"


@pytest.fixture
def example(tmp_path):
    return lambda file: Imported(convert(str(DAGS), file), tmp_path / "project")


def test_the_dag_of_airflow_2_has_its_mail_by_hand(example):
    imported = example("exchange_rates.py")
    assert [reason.partition(":")[0] for reason in imported.reasons] == ["task publish", "task complain"]
    dag = imported.load()["exchange_rates"]
    assert dag.document()["priority_rule"] == "inherited"
    run = dag.test()
    assert run.output("publish").endswith(": CHF 0.94, JPY 171.2, USD 1.16")
    assert run.states["complain"] == "skipped"
    assert run.output("done").endswith(" are done")


def test_the_dag_of_airflow_3_is_imported_as_a_whole(example):
    imported = example("stocktaking.py")
    assert imported.reasons == []
    dag = imported.load()["stocktaking"]
    assert list(dag.document()["groups"]) == ["check"]
    run = dag.test()
    assert run.output("check.correct") == [{"bolts": 120}, {}]
    assert run.output("report") == 1
    assert (run.states["check.unlock"], run.states["alarm"]) == ("success", "skipped")
