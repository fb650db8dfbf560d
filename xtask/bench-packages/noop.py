"""A task that does nothing, in a module that imports a package."""

# The package's import takes this line's place.
from weft import dag, task


@task
def noop(number: int) -> None:
    return None


@dag
def does_nothing():
    noop.expand(number=list(range(500)))
