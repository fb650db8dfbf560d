"""Reads DAG files of Airflow 2 and 3 and writes Weft projects.

A file is evaluated against a recording stand-in of the `airflow` package, so that loops, factories
and helpers come out as Airflow sees them. `wfctl import airflow` runs this in Weft's sandbox.
"""

from weft_airflow.evaluate import is_dag_file
from weft_airflow.ignore import ignored
from weft_airflow.project import convert, project_name

__all__ = ["convert", "ignored", "is_dag_file", "project_name"]
