"""Records what Airflow itself parses. Runs in an environment that has Airflow:

    python record_airflow.py OUT.json [NAME=FOLDER...]

Without folders, the example DAGs of `apache-airflow` and of the standard providers that are installed.
Written is `{"airflow", "licence", "names", "folders": {NAME: {"sources": {path: text}, "dags": [...]}}}`,
where a DAG is `{"file", "dag", "tasks", "edges"}`, and `{"file", "error"}` is a file that does not
import. `names` are the public names of Airflow 3's `airflow.sdk`. Airflow's own files are in a temporary folder.
"""

import inspect
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HOME = tempfile.mkdtemp(prefix="airflow-")
os.environ.update(
    AIRFLOW_HOME=HOME,
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{HOME}/airflow.db",
    AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
)
#: Where example DAGs are, below the package.
EXAMPLES = {
    "core": "example_dags",
    "standard": "providers/standard/example_dags",
    "sql": "providers/common/sql/example_dags",
}


def dag_bag(folder):
    """The DAG bag of Airflow 3, or that of Airflow 2."""
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag

        # Some DAG files of Airflow 2 ask the database while they are read.
        subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, stdout=subprocess.DEVNULL)
    options = inspect.signature(DagBag).parameters
    return DagBag(folder, **({"include_examples": False} if "include_examples" in options else {}))


def record(folder):
    """Every DAG below a folder, with the texts."""
    bag = dag_bag(str(folder))
    found = []
    for dag in bag.dags.values():
        edges = sorted([task.task_id, later] for task in dag.tasks for later in task.downstream_task_ids)
        tasks = sorted(task.task_id for task in dag.tasks)
        file = str(Path(dag.fileloc).relative_to(folder))
        found.append({"file": file, "dag": dag.dag_id, "tasks": tasks, "edges": edges})
    for path, error in bag.import_errors.items():
        file = str(Path(path).relative_to(folder)) if Path(path).is_absolute() else path
        found.append({"file": file, "error": error.strip().splitlines()[-1]})
    sources = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and path.suffix in (".py", ".sql", ".yaml", ".txt", ".json")
    }
    return {"sources": sources, "dags": sorted(found, key=lambda one: (one["file"], one.get("dag", "")))}


def main(out, *given):
    import airflow

    folders = dict(one.split("=", 1) for one in given)
    if not folders:
        package = Path(airflow.__file__).parent
        for name, path in EXAMPLES.items():
            # The providers' examples are written for Airflow 3.
            if (package / path).is_dir() and (name == "core" or int(airflow.__version__[0]) >= 3):
                # Away from the package, so that files are found by the names that a DAG folder gives them.
                copy = Path(HOME) / "folders" / name
                shutil.copytree(package / path, copy, ignore=shutil.ignore_patterns("__pycache__"))
                folders[name] = str(copy)
    try:
        from airflow import sdk

        names = sorted(sdk.__all__)
    except ImportError:
        names = []
    corpus = {
        "airflow": airflow.__version__,
        "licence": "Apache-2.0",
        "names": names,
        "folders": {name: record(Path(folder)) for name, folder in folders.items()},
    }
    with open(out, "w", encoding="utf-8") as file:
        json.dump(corpus, file, indent=1, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
