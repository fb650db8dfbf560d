"""Assets: named data that tasks update, and conditions on them that create runs.

A task names its assets with `@task(outlets=["orders"])`, a DAG its condition with
`@dag(on_assets=["orders", "customers"])`. What a success updates needs no more
than that; `update` adds the partition and metadata. The server checks all of it
again: what is refused here is refused before anything is built or run.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Sequence, TypedDict, TypeVar, cast

from weft.duration import duration
from weft.shape import Anything, Misfit

R = TypeVar("R")

#: The longest name and the longest partition, in bytes.
MAX_NAME_BYTES = 250
MAX_PARTITION_BYTES = 250
#: The longest metadata of an update, in bytes of JSON.
MAX_METADATA_BYTES = 4096
#: The most assets that a task updates, and that a condition names.
MAX_OUTLETS = 64
MAX_CONDITION_ASSETS = 64
#: The deepest nesting of conditions.
MAX_CONDITION_DEPTH = 8
#: The most updates of one attempt.
MAX_UPDATES = 256

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:@+=%~-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

#: A condition on assets: a name, a list of conditions that all hold, or `all_of`, `any_of`, `within`.
Condition = str | Sequence["Condition"] | Mapping[str, Any]


@dataclass(frozen=True)
class AssetUpdate:
    """What consumers should know of an update: `AssetUpdate("orders", partition="2026-11-26", metadata={"rows": 3})`."""

    #: One of the task's outlets.
    asset: str
    #: Which part of the asset, such as a date.
    partition: str | None = None
    #: At most 4 KiB of JSON.
    metadata: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        name(self.asset)
        if self.partition is not None:
            check_partition(self.asset, self.partition)
        if self.metadata is not None:
            object.__setattr__(self, "metadata", _encoded(self.asset, self.metadata))

    def document(self) -> dict[str, Any]:
        """The update as `control.schema.json` has it."""
        fields = {"asset": self.asset, "partition": self.partition, "metadata": self.metadata}
        return {key: value for key, value in fields.items() if value is not None}


class RecordedUpdate(TypedDict, total=False):
    """An update as a run that assets created has it: a parameter `assets: dict[str, list[RecordedUpdate]]`."""

    partition: str
    metadata: dict[str, Any]
    #: When it was recorded, in RFC 3339.
    at: str
    #: The run whose task updated the asset; left out where a client did.
    run: str


@dataclass(frozen=True)
class Update:
    """An output, and the updates that a task reports with it."""

    output: Any
    assets: tuple[AssetUpdate, ...]


def update(output: R, *, assets: Iterable[AssetUpdate]) -> R:
    """A task's answer: its output, and what consumers of its outlets should know.

    Outlets that are not named are updated as well, without a partition.
    """
    reported = tuple([assets] if isinstance(assets, AssetUpdate) else assets)
    for entry in reported:
        if not isinstance(entry, AssetUpdate):
            raise TypeError(f"`assets` is a list of AssetUpdate, such as AssetUpdate('orders'), not {entry!r}")
    if len(reported) > MAX_UPDATES:
        raise ValueError(f"an attempt reports at most {MAX_UPDATES} updates of assets, not {len(reported)}")
    seen = set()
    for entry in reported:
        if (entry.asset, entry.partition) in seen:
            raise ValueError(f"the asset {entry.asset} is reported twice with the same partition")
        seen.add((entry.asset, entry.partition))
    # To a type checker, the task returns its output.
    return cast(R, Update(output, reported))


def all_of(*conditions: Condition) -> dict[str, Any]:
    """A condition for `@dag(on_assets=...)`: all of these hold."""
    return {"all": list(conditions)}


def any_of(*conditions: Condition) -> dict[str, Any]:
    """A condition for `@dag(on_assets=...)`: one of these holds."""
    return {"any": list(conditions)}


def within(asset: str, span: Any) -> dict[str, Any]:
    """A condition for `@dag(on_assets=...)`: the asset's last update is at most this long ago.

    `span` is text such as `"1d"`, a `timedelta`, or a number of seconds.
    """
    return {"asset": asset, "within": span}


def name(value: Any) -> str:
    """The name of an asset, checked."""
    if not isinstance(value, str):
        raise TypeError(f"the name of an asset is text such as 's3://lake/orders', not {value!r}")
    if len(value.encode()) > MAX_NAME_BYTES:
        raise ValueError(f"the name of an asset has at most {MAX_NAME_BYTES} bytes, this one has {len(value.encode())}")
    if not _NAME.fullmatch(value):
        raise ValueError(
            "the name of an asset is made of letters, digits and the characters _ - . / : @ + = % ~, and starts with a "
            f"letter, a digit or '_'; {value!r} does not"
        )
    return value


def outlets(value: Any) -> list[str]:
    """The assets that a task updates."""
    names = [name(item) for item in _listed(value, "outlets are a list of assets' names such as ['orders']")]
    if len(names) > MAX_OUTLETS:
        raise ValueError(f"a task updates at most {MAX_OUTLETS} assets, not {len(names)}")
    for item in names:
        if names.count(item) > 1:
            raise ValueError(f"{item!r} occurs twice")
    return names


def condition(value: Any) -> Any:
    """A condition as the document has it."""
    names: set[str] = set()
    document = _condition(value, names, 1)
    if len(names) > MAX_CONDITION_ASSETS:
        raise ValueError(f"a condition names at most {MAX_CONDITION_ASSETS} assets, not {len(names)}")
    return document


def _condition(value: Any, names: set[str], depth: int) -> Any:
    if depth > MAX_CONDITION_DEPTH:
        raise ValueError(f"conditions are nested at most {MAX_CONDITION_DEPTH} deep")
    if isinstance(value, str):
        names.add(name(value))
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        return _parts(value, names, depth)
    if not isinstance(value, Mapping):
        raise TypeError(f"a condition is an asset's name, a list, or all_of(...), any_of(...), within(...), not {value!r}")
    match dict(value):
        case {"all": parts, **more} if not more:
            return {"all": _parts(parts, names, depth)}
        case {"any": parts, **more} if not more:
            return {"any": _parts(parts, names, depth)}
        case {"asset": asset, **more} if more.keys() <= {"within"}:
            names.add(name(asset))
            return {"asset": asset, **{key: duration(span) for key, span in more.items()}}
    raise TypeError(
        f"a condition that is a dict is {{'all': [...]}}, {{'any': [...]}} or {{'asset': 'orders', 'within': '1d'}}, not {value!r}"
    )


def _parts(value: Any, names: set[str], depth: int) -> list[Any]:
    parts = [_condition(part, names, depth + 1) for part in _listed(value, "conditions are in a list")]
    if not parts:
        raise ValueError("a condition names at least one asset")
    return parts


def _listed(value: Any, expected: str) -> list[Any]:
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise TypeError(f"{expected}, not {value!r}")
    return sorted(value) if isinstance(value, (set, frozenset)) else list(value)


def check_partition(asset: str, partition: Any) -> None:
    """Refuses what is no partition of an asset."""
    if not isinstance(partition, str):
        raise TypeError(f"`partition` of {asset} is text such as '2026-11-26', not {partition!r}")
    if not 0 < len(partition.encode()) <= MAX_PARTITION_BYTES or _CONTROL.search(partition):
        raise ValueError(
            f"`partition` of {asset} has 1 to {MAX_PARTITION_BYTES} bytes in one line, without control characters"
        )


def _encoded(asset: str, metadata: Any) -> Any:
    if not isinstance(metadata, Mapping):
        raise TypeError(f"`metadata` of {asset} is a dict such as {{'rows': 3}}, not {metadata!r}")
    try:
        encoded = Anything().encode(dict(metadata), "metadata")
    except Misfit as misfit:
        raise TypeError(f"{misfit} (of the asset {asset})") from None
    size = len(json.dumps(encoded, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_METADATA_BYTES:
        raise ValueError(f"`metadata` of {asset} has at most {MAX_METADATA_BYTES} bytes of JSON, not {size}")
    return encoded
