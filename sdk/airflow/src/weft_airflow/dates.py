"""The stand-in of pendulum: points in time with zones by name, and spans.

Zones keep their name. Their offsets are those of the machine's zone data where there is
some, and zero where there is none: only names and local times are written to DAGs.
"""

from __future__ import annotations

import calendar
import datetime as standard
import sys
from types import ModuleType
from typing import Any


class Timezone(standard.tzinfo):
    """A zone by name."""

    def __init__(self, key: str = "UTC"):
        self.key = self.name = str(key)

    def _rules(self) -> standard.tzinfo:
        if self.key not in ("UTC", "Etc/UTC"):
            import zoneinfo

            try:
                return zoneinfo.ZoneInfo(self.key)
            except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
                return standard.timezone.utc
        return standard.timezone.utc

    def utcoffset(self, moment: Any) -> Any:
        return self._rules().utcoffset(moment.replace(tzinfo=None) if moment else moment) or standard.timedelta(0)

    def dst(self, moment: Any) -> Any:
        return standard.timedelta(0)

    def tzname(self, moment: Any) -> str:
        return self.key

    def convert(self, moment: Any) -> Any:
        return moment.astimezone(self)

    def datetime(self, *parts: int) -> DateTime:
        return DateTime(*parts, tzinfo=self)

    def __deepcopy__(self, _memo: Any) -> Timezone:
        return self

    def __reduce__(self) -> Any:
        return (Timezone, (self.key,))

    def __eq__(self, other: object) -> bool:
        return getattr(other, "key", None) == self.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Timezone({self.key!r})"


UTC = Timezone("UTC")


def zone(value: Any) -> Any:
    return Timezone(value) if isinstance(value, str) else value


class Duration(standard.timedelta):
    """A span, with pendulum's names for its parts."""

    def __new__(cls, days: float = 0, seconds: float = 0, microseconds: float = 0, milliseconds: float = 0, minutes: float = 0, hours: float = 0, weeks: float = 0, years: float = 0, months: float = 0) -> Duration:  # fmt: skip
        days += 365 * years + 30 * months
        return super().__new__(cls, days, seconds, microseconds, milliseconds, minutes, hours, weeks)

    def in_seconds(self) -> int:
        return int(self.total_seconds())

    def in_minutes(self) -> int:
        return int(self.total_seconds() // 60)

    def in_hours(self) -> int:
        return int(self.total_seconds() // 3600)

    def in_days(self) -> int:
        return self.days


class DateTime(standard.datetime):
    """A point in time, with the methods of pendulum that DAG files use."""

    def add(self, years: int = 0, months: int = 0, **parts: float) -> DateTime:
        month = self.month - 1 + months + 12 * years
        year, month = self.year + month // 12, month % 12 + 1
        day = min(self.day, calendar.monthrange(year, month)[1])
        return _own(self.replace(year=year, month=month, day=day) + standard.timedelta(**parts))

    def subtract(self, **parts: float) -> DateTime:
        return self.add(**{name: -value for name, value in parts.items()})

    def in_timezone(self, name: Any) -> DateTime:
        return _own(self.astimezone(zone(name)))

    in_tz = in_timezone

    def set(self, tz: Any = None, **parts: Any) -> DateTime:
        changed = self.replace(**parts)
        return _own(changed.replace(tzinfo=zone(tz)) if tz is not None else changed)

    def start_of(self, unit: str) -> DateTime:
        order = ["year", "month", "day", "hour", "minute", "second"]
        if unit == "week":
            return self.start_of("day").subtract(days=self.weekday())
        least = {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}
        return _own(self.replace(microsecond=0, **{name: least[name] for name in order[order.index(unit) + 1 :]}))

    @property
    def timezone(self) -> Any:
        return self.tzinfo

    @property
    def timezone_name(self) -> str | None:
        return getattr(self.tzinfo, "key", None)

    @property
    def int_timestamp(self) -> int:
        return int(self.timestamp())

    def to_date_string(self) -> str:
        return self.strftime("%Y-%m-%d")

    def to_datetime_string(self) -> str:
        return self.strftime("%Y-%m-%d %H:%M:%S")

    to_iso8601_string = standard.datetime.isoformat

    def __add__(self, other: Any) -> Any:
        return _own(super().__add__(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        found = super().__sub__(other)
        return _own(found) if isinstance(found, standard.datetime) else found


def _own(moment: standard.datetime) -> DateTime:
    return DateTime(
        moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond, moment.tzinfo
    )


def datetime(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, microsecond: int = 0, tz: Any = UTC, **_more: Any) -> DateTime:  # fmt: skip
    return DateTime(year, month, day, hour, minute, second, microsecond, zone(tz))


def now(tz: Any = UTC) -> DateTime:
    return _own(standard.datetime.now(standard.timezone.utc).astimezone(zone(tz)))


def today(tz: Any = UTC) -> DateTime:
    return now(tz).start_of("day")


def parse(text: str, tz: Any = UTC, **_options: Any) -> DateTime:
    found = standard.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return _own(found if found.tzinfo else found.replace(tzinfo=zone(tz)))


def instance(moment: standard.datetime, tz: Any = UTC) -> DateTime:
    return _own(moment if moment.tzinfo else moment.replace(tzinfo=zone(tz)))


def days_ago(n: int, hour: int = 0, minute: int = 0, second: int = 0, microsecond: int = 0) -> DateTime:
    """Airflow 2's `airflow.utils.dates.days_ago`."""
    return today().add(days=-n).replace(hour=hour, minute=minute, second=second, microsecond=microsecond)  # type: ignore[return-value]


def module() -> ModuleType:
    """The module that `import pendulum` gives."""
    made = ModuleType("pendulum")
    own = sys.modules[__name__]
    names = {name: getattr(own, name) for name in ("DateTime", "Duration", "Timezone", "UTC", "datetime", "instance", "now", "parse", "today")}
    made.__dict__.update(
        names,
        local=datetime,
        naive=lambda *parts: DateTime(*parts),
        duration=Duration,
        from_format=lambda text, form, tz=UTC: parse(text, tz),
        from_timestamp=lambda stamp, tz=UTC: _own(standard.datetime.fromtimestamp(stamp, standard.timezone.utc).astimezone(zone(tz))),
        interval=lambda start, end, absolute=False: end - start,
        period=lambda start, end, absolute=False: end - start,
        time=standard.time,
        date=standard.date,
        Date=standard.date,
        Time=standard.time,
        timezone=Timezone,
        tz=made,
        yesterday=lambda tz=UTC: today(tz).subtract(days=1),
        tomorrow=lambda tz=UTC: today(tz).add(days=1),
        __version__="3.1.0",
        __path__=[],
    )
    return made
