"""A task that does nothing, in Python."""

from weft import dag, task


@task
def noop() -> None:
    return None


@dag
def does_nothing():
    noop()
