"""Which DAG is being put together. Tasks ask when they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weft.dags import Dag
    from weft.mapped_group import MappedGroup

_stack: list[Dag] = []
_groups: list[str] = []
_mapped: list[MappedGroup] = []


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


def mapped_group() -> MappedGroup | None:
    """The mapped group that is open."""
    return _mapped[-1] if _mapped else None


def open_mapped_group(group: MappedGroup) -> None:
    _mapped.append(group)


def close_mapped_group() -> None:
    _mapped.pop()
