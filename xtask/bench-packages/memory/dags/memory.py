"""Tasks that are all in the sandbox at once, each with a small table."""

import time

import pandas
from weft import dag, task


@task
def wait(number: int) -> int:
    frame = pandas.DataFrame({"group": ["a", "b", "a"], "number": [number] * 3})
    total = int(frame.groupby("group")["number"].sum().sum())
    print("waiting")
    time.sleep(60)
    return total


@dag
def memory():
    wait.expand(number=list(range(32)))
