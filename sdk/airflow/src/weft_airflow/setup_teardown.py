"""`with setup_task >> teardown_task:`: which edges a block of setup and teardown tasks makes."""

from __future__ import annotations

from typing import Any

from weft_airflow.model import Output, Task


class _Level:
    """One open block."""

    def __init__(self, setups: list[Task], teardowns: list[Task]):
        self.setups = setups
        self.teardowns = teardowns
        self.work: list[Task] = []


class Scope:
    """The open blocks. A task inside of one runs between its setups and its teardowns."""

    active = False
    levels: list[_Level] = []

    @classmethod
    def reset(cls) -> None:
        cls.active, cls.levels = False, []

    @classmethod
    def enter(cls, given: list[Any]) -> type[Scope]:
        tasks = [task.operator if isinstance(task, Output) else task for task in given]
        setups = [task for task in tasks if task.is_setup]
        teardowns = [task for task in tasks if task.is_teardown]
        if teardowns and not setups:
            setups = _found(teardowns, "upstream_list", "is_setup")
        elif setups and not teardowns:
            teardowns = _found(setups, "downstream_list", "is_teardown")
        cls.levels.append(_Level(setups, teardowns))
        cls.active = True
        return cls

    @classmethod
    def leave(cls) -> None:
        level = cls.levels.pop()
        # A decorated task becomes a setup or a teardown only after it was made.
        work = [task for task in level.work if not task.is_setup and not task.is_teardown]
        if work:
            roots = [task for task in work if not task.upstream_list] or work[:1]
            leaves = [task for task in work if not task.downstream_list] or work[-1:]
            for setup in level.setups:
                setup.set_downstream(roots)
            for teardown in level.teardowns:
                teardown.set_upstream(leaves)
        if cls.levels:
            outer = cls.levels[-1]
            for setup in outer.setups:
                setup.set_downstream(level.setups)
            for teardown in outer.teardowns:
                teardown.set_upstream(level.teardowns)
        cls.active = bool(cls.levels)

    @classmethod
    def add(cls, task: Task) -> None:
        """A task that was made inside of a block."""
        if cls.levels:
            cls.levels[-1].work.append(task)

    @staticmethod
    def add_task(task: Any) -> None:
        """Airflow's name for adding a task that was made before."""
        Scope.add(task.operator if isinstance(task, Output) else task)


class ContextWrapper(list):
    """`with context_wrapper([setup1, setup2]):`."""

    def __init__(self, tasks: list[Any]):
        super().__init__(tasks)

    def __enter__(self) -> Any:
        return Scope.enter(list(self))

    def __exit__(self, *_error: object) -> None:
        Scope.leave()


def _found(tasks: list[Task], side: str, what: str) -> list[Task]:
    return list({id(other): other for task in tasks for other in getattr(task, side) if getattr(other, what)}.values())
