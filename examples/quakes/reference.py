#!/usr/bin/env python3
"""Computes the example's result a second time, by itself.

It shares neither code nor language with the tasks, only the data and the
rules, and prints what the task `world` must return. Usage: reference.py FEED
"""

import collections
import json
import math
import sys

SHORT = {"CA": "California", "NV": "Nevada", "MX": "Mexico"}


def rejection(event, seen):
    """Why an event does not count, or None."""
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
    if not -10 <= depth <= 750:
        return "no plausible depth"
    return "reported twice" if event["id"] in seen else None


def b_value(magnitudes):
    """Aki's estimate over what lies at or above the fullest tenth."""
    tenths = [math.floor(magnitude * 10 + 0.5) for magnitude in magnitudes]
    counts = collections.Counter(tenths)
    fullest = max(counts.values())
    complete = min(tenth for tenth, count in counts.items() if count == fullest)
    above = [m for m, tenth in zip(magnitudes, tenths) if tenth >= complete]
    if len(above) < 30:
        return None
    return math.log10(math.e) / (math.fsum(above) / len(above) - (complete / 10 - 0.05))


def main():
    with open(sys.argv[1], encoding="utf-8") as feed:
        events = json.load(feed)["features"]
    rejected, seen, regions = collections.Counter(), set(), collections.defaultdict(list)
    for event in events:
        reason = rejection(event, seen)
        if reason:
            rejected[reason] += 1
            continue
        seen.add(event["id"])
        last = event["properties"]["place"].split(", ")[-1].strip()
        regions[SHORT.get(last, last)].append(event)

    def energy(event):
        return math.pow(10, 1.5 * event["properties"]["mag"] + 4.8)

    quakes = [event for events in regions.values() for event in events]
    total = math.fsum(map(energy, quakes))
    strongest = min(quakes, key=lambda e: (-e["properties"]["mag"], e["properties"]["time"]))
    longitude, latitude, depth = strongest["geometry"]["coordinates"]
    ranking = [
        {
            "region": name,
            "count": len(events),
            "strongest": max(event["properties"]["mag"] for event in events),
            "energy_share": math.fsum(map(energy, events)) / total,
            "b_value": b_value([event["properties"]["mag"] for event in events]),
        }
        for name, events in regions.items()
    ]
    ranking.sort(key=lambda one: (-one["count"], one["region"]))
    world = {
        "count": len(quakes),
        "rejected": dict(rejected),
        "regions": len(regions),
        "strongest": {
            "id": strongest["id"],
            "time_ms": strongest["properties"]["time"],
            "place": strongest["properties"]["place"],
            "magnitude": strongest["properties"]["mag"],
            "longitude": longitude,
            "latitude": latitude,
            "depth_km": depth,
        },
        "energy_joules": total,
        "histogram": dict(collections.Counter(str(math.floor(event["properties"]["mag"])) for event in quakes)),
        "ranking": ranking,
    }
    json.dump(world, sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
