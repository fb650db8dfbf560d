"""What is imported of Airflow's own example DAGs, against what Airflow itself parses of them.

The corpus is recorded by `record_airflow.py`. With `WEFT_AIRFLOW` naming a Python that has Airflow, it is
recorded anew before it is compared: what `cargo xtask test --deep` does.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from weft_airflow import convert, is_dag_file

HERE = Path(__file__).parent
#: The share of DAGs that have to be equal in tasks and edges.
LEAST = 0.95
#: Files whose DAGs Airflow makes only where a package is installed that the recording had not.
NOT_IN_AIRFLOW = {"example_kubernetes_executor.py", "example_local_kubernetes_executor.py"}
#: DAGs that are not equal: their file imports what makes them from Airflow's own package, by its absolute name.
DIFFERENT = {f"2.11.2 core example_subdag_operator.py example_subdag_operator.section-{number}" for number in (1, 2)}


def corpora(tmp: Path) -> list[dict]:
    live = os.environ.get("WEFT_AIRFLOW")
    if live:
        out = tmp / "live.json"
        subprocess.run([live, str(HERE / "record_airflow.py"), str(out)], check=True, stdout=subprocess.DEVNULL)
        return [json.loads(out.read_text(encoding="utf-8"))]
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((HERE / "corpus").glob("*.json"))]


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """Each corpus with what is made of it: by version and folder, the DAGs of Airflow and ours."""
    tmp = tmp_path_factory.mktemp("corpus")
    found = []
    for corpus in corpora(tmp):
        for name, folder in corpus["folders"].items():
            root = tmp / corpus["airflow"] / name
            for path, text in folder["sources"].items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text, encoding="utf-8")
            ours = [convert(str(root), path) for path, text in folder["sources"].items() if is_dag_file(path, text.encode())]
            found.append((corpus["airflow"], name, folder["dags"], ours))
    assert found
    return found


def test_tasks_and_edges_are_those_that_airflow_sees(imported):
    total, different = 0, []
    for version, name, theirs, ours in imported:
        by_id = {dag["dag"]: dag for one in ours for dag in one["dags"]}
        for dag in theirs:
            if "error" in dag:
                continue
            total += 1
            found = by_id.get(dag["dag"])
            tasks = sorted(task["id"] for task in found["tasks"]) if found else None
            if found is None or tasks != dag["tasks"] or found["edges"] != dag["edges"]:
                different.append(f"{version} {name} {dag['file']} {dag['dag']}")
    assert total > 150 or os.environ.get("WEFT_AIRFLOW")
    assert len(different) <= (1 - LEAST) * total, different
    # A DAG that is not equal is to be known by name.
    assert set(different) <= DIFFERENT


def test_no_dag_is_made_up(imported):
    for version, _name, theirs, ours in imported:
        known = {dag["dag"] for dag in theirs if "error" not in dag}
        made = {dag["dag"] for one in ours if one["file"] not in NOT_IN_AIRFLOW for dag in one["dags"]}
        assert made <= known, version


def test_every_file_with_dags_becomes_a_project(imported):
    for version, _name, _theirs, ours in imported:
        for one in ours:
            assert (one["project"] is not None) == bool(one["dags"]), (version, one["file"])
            for line in one["by_hand"]:
                assert line["reason"] and line["line"] >= 0, line
            assert not any("can't be evaluated" in line["reason"] for line in one["by_hand"]), one["by_hand"]
