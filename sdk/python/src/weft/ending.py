"""How a task ends when it does not end with its output.

A task raises one of these. Any other exception is a failure that follows the
task's retries. Nothing here knows how an ending reaches the host.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any


class WeftError(Exception):
    """A failure that follows the task's retries, as any other exception does."""


class Fail(WeftError):
    """A failure that is not tried again: the next attempt would fail alike."""


class Retry(WeftError):
    """A failure whose next attempt starts no earlier than `after`."""

    def __init__(self, message: str = "", *, after: timedelta | float | None = None, details: Any = None):
        super().__init__(message)
        self.after_ms = None if after is None else milliseconds(after)
        self.details = details


class Skip(Exception):
    """The task skips itself; what hangs on it follows its trigger rule."""


class Defer(Exception):
    """The attempt ends, and another one is woken later.

    `after` is a span from now, `until` a point in time with a zone, `event` the
    name of an event that is sent to the run; one of them is given. An event is
    waited for at the longest for `timeout`. `Context.resumed` returns `state`,
    `Context.woken` what ended the wait for an event.
    """

    def __init__(
        self,
        *,
        after: timedelta | float | None = None,
        until: datetime | None = None,
        event: str | None = None,
        timeout: timedelta | float | None = None,
        state: Any = None,
    ):
        if (after, until, event).count(None) != 2:
            raise TypeError("a deferral takes one of `after`, `until` and `event`")
        if timeout is not None and event is None:
            raise TypeError("a deferral by time takes no `timeout`")
        if until is not None and until.tzinfo is None:
            raise ValueError("`until` needs a time zone: datetime(..., tzinfo=timezone.utc)")
        super().__init__("deferred")
        self.after_ms = None if after is None else milliseconds(after)
        self.until = None if until is None else until.astimezone(timezone.utc)
        self.event = event
        self.timeout_ms = None if timeout is None else milliseconds(timeout)
        self.state = state


def milliseconds(span: timedelta | float) -> int:
    """A span, or a number of seconds, in whole milliseconds."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if seconds < 0:
        raise ValueError(f"a span can't be negative: {seconds} s")
    return round(seconds * 1000)
