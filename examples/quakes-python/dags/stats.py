"""What is computed, without Weft: rules and formulas are those of examples/quakes."""

import math
from collections import Counter
from dataclasses import dataclass

SHORT = {"CA": "California", "NV": "Nevada", "MX": "Mexico"}
#: From so many earthquakes on a b-value means something.
ENOUGH = 30


@dataclass
class Quake:
    id: str
    time_ms: int
    place: str
    magnitude: float
    longitude: float
    latitude: float
    depth_km: float

    @property
    def energy(self) -> float:
        """In joules, after Gutenberg and Richter."""
        return math.pow(10, 1.5 * self.magnitude + 4.8)

    @property
    def region(self) -> str:
        last = self.place.split(", ")[-1].strip()
        return SHORT.get(last, last)


@dataclass
class Region:
    name: str
    quakes: list[Quake]


@dataclass
class Summary:
    region: str
    count: int
    strongest: Quake
    energy_joules: float
    b_value: float | None
    histogram: dict[str, int]


@dataclass
class Rank:
    region: str
    count: int
    strongest: float
    energy_share: float
    b_value: float | None


@dataclass
class World:
    count: int
    rejected: dict[str, int]
    regions: int
    strongest: Quake
    energy_joules: float
    histogram: dict[str, int]
    ranking: list[Rank]


def rejection(event: dict) -> str | None:
    """Why an event does not count."""
    properties = event["properties"]
    longitude, latitude, depth = event["geometry"]["coordinates"]
    if properties["type"] != "earthquake":
        return properties["type"]
    if not (properties["place"] or "").strip():
        return "no place"
    if properties["mag"] is None or not -2 <= properties["mag"] <= 10:
        return "no plausible magnitude"
    if abs(longitude) > 180 or abs(latitude) > 90:
        return "not on Earth"
    return None if -10 <= depth <= 750 else "no plausible depth"


def quake(event: dict) -> Quake:
    properties = event["properties"]
    return Quake(
        event["id"], properties["time"], properties["place"], properties["mag"], *event["geometry"]["coordinates"]
    )


def b_value(magnitudes: list[float]) -> float | None:
    """Aki's estimate over what lies at or above the fullest tenth."""
    tenths = [math.floor(magnitude * 10 + 0.5) for magnitude in magnitudes]
    counts = Counter(tenths)
    fullest = max(counts.values())
    complete = min(tenth for tenth, count in counts.items() if count == fullest)
    above = [magnitude for magnitude, tenth in zip(magnitudes, tenths) if tenth >= complete]
    if len(above) < ENOUGH:
        return None
    return math.log10(math.e) / (math.fsum(above) / len(above) - (complete / 10 - 0.05))


def first_strongest(quakes: list[Quake]) -> Quake:
    return min(quakes, key=lambda one: (-one.magnitude, one.time_ms))


def summary(region: Region) -> Summary:
    quakes = region.quakes
    return Summary(
        region=region.name,
        count=len(quakes),
        strongest=first_strongest(quakes),
        energy_joules=math.fsum(one.energy for one in quakes),
        b_value=b_value([one.magnitude for one in quakes]),
        histogram=dict(Counter(str(math.floor(one.magnitude)) for one in quakes)),
    )


def together(summaries: list[Summary], rejected: dict[str, int]) -> World:
    total = math.fsum(one.energy_joules for one in summaries)
    histogram: Counter[str] = Counter()
    for one in summaries:
        histogram.update(one.histogram)
    ranking = [
        Rank(one.region, one.count, one.strongest.magnitude, one.energy_joules / total, one.b_value)
        for one in summaries
    ]
    return World(
        count=sum(one.count for one in summaries),
        rejected=rejected,
        regions=len(summaries),
        strongest=first_strongest([one.strongest for one in summaries]),
        energy_joules=total,
        histogram=dict(histogram),
        ranking=sorted(ranking, key=lambda one: (-one.count, one.region)),
    )
