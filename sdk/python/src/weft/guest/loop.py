"""`asyncio` without sockets: a loop that runs what is ready and sleeps in between.

The loop of the standard library wakes itself through a pair of sockets. With
neither threads nor sockets nothing but time ever wakes this one.
"""

from __future__ import annotations

import time
from types import ModuleType
from typing import Any

from weft.guest.archive import after_import


class _Sleep:
    """Replaces the selector: no file is ever ready."""

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("the coroutine waits for something that nothing in this task will do")
        if timeout > 0:
            time.sleep(timeout)
        return []

    def close(self) -> None:
        """There is nothing open."""


def _replace(unix_events: ModuleType) -> None:
    from asyncio.base_events import BaseEventLoop

    class Loop(BaseEventLoop):
        def __init__(self) -> None:
            super().__init__()
            self._selector = _Sleep()

        def _process_events(self, _events: Any) -> None:
            """There are none."""

        def _write_to_self(self) -> None:
            """There is no other thread that could call."""

    unix_events.SelectorEventLoop = Loop  # type: ignore[attr-defined]
    unix_events._UnixDefaultEventLoopPolicy._loop_factory = Loop  # type: ignore[attr-defined]


def install() -> None:
    """Makes it the loop of `asyncio`, which may be imported already."""
    after_import("asyncio.unix_events", _replace)
