"""The page about Airflow names every public name of Airflow's."""

import json
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs/guides/from-airflow.md"


def test_the_page_has_every_public_name_of_airflow_once():
    corpus = json.loads((HERE / "corpus/airflow-3.3.2.json").read_text(encoding="utf-8"))
    table = PAGE.read_text(encoding="utf-8").partition("## Every public name of `airflow.sdk`")[2]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| `")]
    named = [name for names, _counterpart in rows for name in re.findall(r"`([^`]+)`", names)]
    assert sorted(named) == corpus["names"]
    assert all(counterpart.strip() for _names, counterpart in rows)
