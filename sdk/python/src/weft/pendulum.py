"""The part of pendulum that DAGs say their dates with: `from weft import pendulum`.

pendulum itself has a native core, which can't run in the sandbox. Here its
functions answer with the standard library's `datetime`.
"""

from __future__ import annotations

import datetime as standard
from typing import Any
from zoneinfo import ZoneInfo


class Timezone(standard.tzinfo):
    """A zone by name; its rules are looked up when they are asked for, and need the package `tzdata`."""

    def __init__(self, key: str):
        self.key = key

    @property
    def name(self) -> str:
        return self.key

    def _rules(self) -> standard.tzinfo:
        return standard.timezone.utc if self.key in ("UTC", "Etc/UTC") else ZoneInfo(self.key)

    def utcoffset(self, moment: standard.datetime | None) -> standard.timedelta | None:
        return self._rules().utcoffset(moment)

    def dst(self, moment: standard.datetime | None) -> standard.timedelta | None:
        return self._rules().dst(moment) or standard.timedelta(0)

    def tzname(self, moment: standard.datetime | None) -> str | None:
        return self._rules().tzname(moment)

    def __reduce__(self) -> Any:
        return (Timezone, (self.key,))

    def __repr__(self) -> str:
        return f"Timezone({self.key!r})"


UTC = Timezone("UTC")


def timezone(name: str) -> Timezone:
    return Timezone(name)


def _zone(tz: str | standard.tzinfo | None) -> standard.tzinfo | None:
    return Timezone(tz) if isinstance(tz, str) else tz


def datetime(
    year: int,
    month: int,
    day: int,
    hour: int = 0,
    minute: int = 0,
    second: int = 0,
    microsecond: int = 0,
    tz: str | standard.tzinfo | None = UTC,
) -> standard.datetime:
    """A point in time, in UTC where nothing else is said."""
    return standard.datetime(year, month, day, hour, minute, second, microsecond, _zone(tz))


def now(tz: str | standard.tzinfo | None = UTC) -> standard.datetime:
    return standard.datetime.now(standard.timezone.utc).astimezone(_zone(tz))


def today(tz: str | standard.tzinfo = UTC) -> standard.datetime:
    """Midnight."""
    return now(tz).replace(hour=0, minute=0, second=0, microsecond=0)


def parse(text: str, tz: str | standard.tzinfo | None = UTC) -> standard.datetime:
    """ISO 8601, as `datetime.fromisoformat` reads it."""
    moment = standard.datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    return moment if moment.tzinfo else moment.replace(tzinfo=_zone(tz))


def duration(**parts: float) -> standard.timedelta:
    """`duration(minutes=5)`; weeks at most, since months have no fixed length."""
    return standard.timedelta(**parts)
