"""The tasks of the importer's component, which `wfctl import airflow` calls.

The sources of a DAG folder come as an input and are laid out in the attempt's scratch folder, so that
they import each other and read their files as they do in Airflow.
"""

import os

from weft import dag, task

from weft_airflow import convert, ignored, is_dag_file

#: Where the sources are while a file is evaluated.
ROOT = "/tmp/dags"


@task
def dag_files(sources: dict[str, str]) -> list[str]:
    """The files that Airflow looks into for DAGs."""
    return [name for name, text in sorted(sources.items()) if is_dag_file(name, text.encode()) and not ignored(name, sources)]


@task
def convert_file(sources: dict[str, str], file: str) -> dict:
    """One DAG file as a project, with the report."""
    for name, text in sources.items():
        path = f"{ROOT}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as opened:
            opened.write(text)
    return convert(ROOT, file)


@dag
def import_airflow(sources: dict[str, str], file: str):
    """Makes a DAG of the two, so that they have documents."""
    dag_files(sources)
    convert_file(sources, file)
