"""Measures work in the sandbox."""

from weft import dag, task
from work import measure


@task(limits={"memory": "2GiB"})
def measured(work: str, repetitions: int) -> list[float]:
    return measure(work, repetitions)


@dag
def speed(work: str = "matrix_product", repetitions: int = 5):
    measured(work, repetitions)
