"""The recording stand-ins of what DAGs and tasks are given: assets, params, timetables, variables, rules."""

from __future__ import annotations

import enum
from typing import Any

from weft_airflow import recorder

_MISSING = object()


class _Combined:
    """Assets that are combined with `&` and `|`."""

    def __init__(self, *objects: Any):
        self.objects = objects

    def __and__(self, other: Any) -> Any:
        return AssetAll(self, other)

    def __or__(self, other: Any) -> Any:
        return AssetAny(self, other)

    __rand__, __ror__ = __and__, __or__

    def names(self) -> list[str]:
        return [name for one in self.objects for name in names_of(one)]

    def __str__(self) -> str:
        sign = " & " if isinstance(self, AssetAll) else " | "
        return "(" + sign.join(str(one) for one in self.objects) + ")"


class AssetAll(_Combined):
    """All of several assets."""


class AssetAny(_Combined):
    """Any of several assets."""


class Asset(_Combined):
    """An asset, which Airflow 2 calls a dataset."""

    def __init__(self, name: str | None = None, uri: Any = None, *, group: str = "asset", extra: Any = None, watchers: Any = (), **_more: Any):
        super().__init__(self)
        self.name = name if name is not None else str(uri)
        self.uri = str(uri) if uri is not None else self.name
        self.group, self.extra, self.watchers = group, extra or {}, list(watchers or ())

    def names(self) -> list[str]:
        return [self.name]

    @classmethod
    def ref(cls, name: str | None = None, uri: str | None = None) -> Asset:
        return cls(name=name, uri=uri)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asset) and (other.name, other.uri) == (self.name, self.uri)

    def __hash__(self) -> int:
        return hash((self.name, self.uri))

    def __str__(self) -> str:
        return self.name


class AssetAlias(Asset):
    """An asset that is known by another name when a task has run."""


def names_of(value: Any) -> list[str]:
    """The names of assets in a schedule."""
    if isinstance(value, _Combined):
        return value.names()
    if isinstance(value, (list, tuple, set)):
        return [name for one in value for name in names_of(one)]
    return [str(value)]


class AssetWatcher:
    def __init__(self, name: str = "", trigger: Any = None, **_given: Any):
        self.name, self.trigger = name, trigger


class Metadata:
    def __init__(self, asset: Any, extra: Any = None, alias: Any = None):
        self.asset, self.extra, self.alias = asset, extra, alias


class Param:
    """A parameter with its JSON Schema."""

    def __init__(self, default: Any = _MISSING, description: str | None = None, **schema: Any):
        self.has_default = default is not _MISSING
        self.default = default if self.has_default else None
        self.value = self.default
        self.description = description
        self.schema = schema.pop("schema", None) or schema


class Timetable:
    """What decides the dates of runs: a class of Airflow's, or one of the DAG folder's plugins."""

    def __init__(self, *args: Any, **given: Any):
        self.args, self.given = args, given

    def argument(self, index: int, name: str, default: Any = None) -> Any:
        return self.args[index] if len(self.args) > index else self.given.get(name, default)

    @property
    def summary(self) -> str:
        return type(self).__name__


def _timetable(name: str) -> type:
    return type(name, (Timetable,), {})


#: Timetables by name; the writer says which of them have a schedule of cron or an interval.
TIMETABLES = {
    name: _timetable(name)
    for name in (
        "CronDataIntervalTimetable", "CronTriggerTimetable", "CronPartitionTimetable", "DeltaDataIntervalTimetable",
        "DeltaTriggerTimetable", "MultipleCronTriggerTimetable", "EventsTimetable", "AssetOrTimeSchedule",
        "DatasetOrTimeSchedule", "ContinuousTimetable", "OnceTimetable", "NullTimetable", "PartitionedAssetTimetable",
    )
}  # fmt: skip


class Variable:
    """Variables aren't there while a DAG file is evaluated: a default is, where there is one."""

    @staticmethod
    def get(key: str, default: Any = _MISSING, deserialize_json: bool = False, default_var: Any = _MISSING, **_more: Any) -> Any:
        for given in (default, default_var):
            if given is not _MISSING:
                return given
        recorder.note(f"Variable.get({key!r}) while the DAG is made: its value can't be known here; read it in a task, or make it a parameter")
        return recorder.Recorder(f"Variable.{key}")

    @staticmethod
    def setdefault(key: str, default: Any, **_more: Any) -> Any:
        return default

    @staticmethod
    def set(*_given: Any, **_more: Any) -> None: ...

    update = delete = set


class Connection(recorder.Recorder):
    """A connection."""

    def __init__(self, *_args: Any, **given: Any):
        super().__init__("Connection")
        self.__dict__.update(given)

    @staticmethod
    def get(conn_id: str) -> Any:
        return recorder.Recorder(f"Connection.{conn_id}")

    get_connection_from_secrets = get


class BaseHook(recorder.Recorder):
    """A hook; those of the DAG folder derive from it."""

    def __init__(self, *_args: Any, **_given: Any):
        super().__init__("BaseHook")

    @staticmethod
    def get_connection(conn_id: str) -> Any:
        return recorder.Recorder(f"Connection.{conn_id}")

    get_hook = get_connection


class Plain:
    """What DAG files derive from without a meaning here: plugins, triggers, links, notifiers."""

    def __init__(self, *_args: Any, **given: Any):
        self.__dict__.update(given)


class DeadlineAlert:
    """By when runs of a DAG are to end: so long after its reference."""

    def __init__(self, reference: Any = None, interval: Any = None, callback: Any = None, *_more: Any, **_given: Any):
        self.reference, self.interval, self.callback = reference, interval, callback


class PokeReturnValue:
    """What a sensor returns."""

    def __init__(self, is_done: bool, xcom_value: Any = None):
        self.is_done, self.xcom_value = is_done, xcom_value


class TriggerRule(str, enum.Enum):
    ALL_SUCCESS = "all_success"
    ALL_FAILED = "all_failed"
    ALL_DONE = "all_done"
    ALL_DONE_MIN_ONE_SUCCESS = "all_done_min_one_success"
    ALL_DONE_SETUP_SUCCESS = "all_done_setup_success"
    ONE_SUCCESS = "one_success"
    ONE_FAILED = "one_failed"
    ONE_DONE = "one_done"
    NONE_FAILED = "none_failed"
    NONE_SKIPPED = "none_skipped"
    ALWAYS = "always"
    NONE_FAILED_MIN_ONE_SUCCESS = "none_failed_min_one_success"
    ALL_SKIPPED = "all_skipped"
    NONE_FAILED_OR_SKIPPED = "none_failed_min_one_success"
    DUMMY = "always"

    def __str__(self) -> str:
        return self.value


class WeightRule(str, enum.Enum):
    DOWNSTREAM = "downstream"
    UPSTREAM = "upstream"
    ABSOLUTE = "absolute"


class State(str, enum.Enum):
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    UPSTREAM_FAILED = "upstream_failed"
    RUNNING = "running"
    QUEUED = "queued"
    SCHEDULED = "scheduled"
    DEFERRED = "deferred"
    UP_FOR_RETRY = "up_for_retry"
    UP_FOR_RESCHEDULE = "up_for_reschedule"
    REMOVED = "removed"
    RESTARTING = "restarting"
    NONE = "none"

    def __str__(self) -> str:
        return self.value


class WeekDay(enum.IntEnum):
    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7
