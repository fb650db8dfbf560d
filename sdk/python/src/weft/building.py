"""Which DAG is being put together. Tasks ask when they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weft.dags import Dag

_stack: list[Dag] = []
_groups: list[str] = []


def current() -> Dag | None:
    """The innermost DAG whose function or `with` block runs."""
    return _stack[-1] if _stack else None


def begin(dag: Dag) -> None:
    _stack.append(dag)


def end() -> None:
    _stack.pop()


def prefix() -> str:
    """The prefix of task ids in the open groups."""
    return "".join(f"{group}." for group in _groups)


def open_group(name: str) -> None:
    _groups.append(name)


def close_group() -> None:
    _groups.pop()
