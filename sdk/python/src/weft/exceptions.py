"""Airflow's names for how a task ends, so that a DAG ports by its imports."""

from weft.ending import Defer, Fail, Retry, Skip, WeftError

AirflowException = WeftError
AirflowFailException = Fail
AirflowSkipException = Skip

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowSkipException",
    "Defer",
    "Fail",
    "Retry",
    "Skip",
    "WeftError",
]
