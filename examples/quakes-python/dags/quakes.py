"""A week of earthquakes, region by region: examples/quakes, in Python."""

import json
import logging
from collections import Counter, defaultdict
from pathlib import Path
from typing import TypedDict

import stats
from stats import Quake, Region, Summary, World
from weft import Artifact, Context, Fail, Retry, dag, task

log = logging.getLogger(__name__)

# Read while the component is built, so that it is in every task's memory.
FEED = json.loads(Path(__file__).with_name("earthquakes.json").read_text(encoding="utf-8"))


class Checked(TypedDict):
    quakes: list[Quake]
    rejected: dict[str, int]


class Report(TypedDict):
    notice: str
    page: Artifact


@task(retries=3, retry_delay="200ms", timeout="30s")
def feed(context: Context, outage: int) -> list[dict]:
    """Read the feed, whose server is down for the first attempts."""
    if context.try_number <= outage:
        raise Retry("the feed's server answered 503", after=0.1)
    log.info("%d events in the feed", len(FEED["features"]))
    return FEED["features"]


@task
def validate(events: list[dict]) -> Checked:
    """Put aside what is no earthquake, or can't be true."""
    seen: set[str] = set()
    quakes, rejected = [], Counter()
    for event in events:
        reason = stats.rejection(event) or ("reported twice" if event["id"] in seen else None)
        if reason:
            rejected[reason] += 1
        else:
            seen.add(event["id"])
            quakes.append(stats.quake(event))
    for reason, count in rejected.items():
        log.warning("put aside: %d %s", count, reason)
    return {"quakes": quakes, "rejected": dict(rejected)}


@task
def regions(quakes: list[Quake]) -> list[Region]:
    """Group by region."""
    grouped = defaultdict(list)
    for quake in quakes:
        grouped[quake.region].append(quake)
    return [Region(name, grouped[name]) for name in sorted(grouped)]


@task
def summarise(region: Region) -> Summary:
    """One region in numbers."""
    return stats.summary(region)


@task
def world(summaries: list[Summary], rejected: dict[str, int]) -> World:
    """All regions together."""
    if not summaries:
        raise Fail("there was no earthquake")
    return stats.together(summaries, rejected)


@task.branch
def judge(world: World, threshold: float) -> str:
    """Decide which notice the week needs."""
    return "alert" if world.strongest.magnitude >= threshold else "all_clear"


@task
def alert(world: World, threshold: float) -> str:
    """Somebody has to act."""
    return f"An earthquake of magnitude {world.strongest.magnitude}, {world.strongest.place}, reached {threshold:.1f}."


@task
def all_clear(world: World, threshold: float) -> str:
    """No action is needed."""
    return f"No earthquake reached magnitude {threshold:.1f}."


@task(trigger_rule="none_failed_min_one_success")
def report(context: Context, world: World, alert: str | None, all_clear: str | None) -> Report:
    """Write the page."""
    notice = alert or all_clear
    if notice is None:
        raise Fail("neither notice was written")
    lines = ["# A week of earthquakes", "", notice, "", "| region | earthquakes | strongest |", "|---|---|---|"]
    for index, one in enumerate(world.ranking):
        context.progress(index / len(world.ranking), one.region)
        lines.append(f"| {one.region} | {one.count} | {one.strongest} |")
    return {"notice": notice, "page": Artifact.write("\n".join(lines) + "\n", "text/markdown")}


@dag(tags=["example"])
def quakes(threshold: float = 7.0, outage: int = 1):
    """A week of earthquakes, region by region."""
    checked = validate(feed(outage=outage))
    summaries = summarise.expand(region=regions(checked["quakes"]))
    earth = world(summaries, checked["rejected"])
    judged = judge(earth, threshold)
    alarm, calm = alert(earth, threshold), all_clear(earth, threshold)
    judged >> [alarm, calm]
    report(world=earth, alert=alarm, all_clear=calm)
