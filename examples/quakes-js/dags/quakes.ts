/** A week of earthquakes, region by region: examples/quakes, in TypeScript. */

import { Artifact, branch, chain, type Context, dag, Fail, Retry, task } from "@weft/sdk";
// Read while the component is built, so that it is in every task's memory.
import feedOfTheWeek from "./earthquakes.json" with { type: "json" };
import * as stats from "./stats.ts";
import type { Event, Quake, Region, Summary, World } from "./stats.ts";

export const feed = task(
  { retries: 3, retryDelay: "200ms", timeout: "30s", description: "Read the feed, whose server is down for the first attempts." },
  function feed({ outage }: { outage: number }, context: Context): Event[] {
    if (context.tryNumber <= outage) throw new Retry("the feed's server answered 503", { after: 0.1 });
    console.info("%d events in the feed", feedOfTheWeek.features.length);
    return feedOfTheWeek.features;
  },
);

const validate = task({ description: "Put aside what is no earthquake, or can't be true." }, function validate({ events }: { events: Event[] }) {
  const seen = new Set<string>();
  const quakes: Quake[] = [];
  const reasons: string[] = [];
  for (const event of events) {
    const reason = stats.rejection(event) ?? (seen.has(event.id) ? "reported twice" : null);
    if (reason !== null) {
      reasons.push(reason);
    } else {
      seen.add(event.id);
      quakes.push(stats.quake(event));
    }
  }
  const rejected = stats.counts(reasons);
  for (const [reason, count] of Object.entries(rejected)) console.warn("put aside: %d %s", count, reason);
  return { quakes, rejected };
});

const regions = task({ description: "Group by region." }, function regions({ quakes }: { quakes: Quake[] }): Region[] {
  const grouped = new Map<string, Quake[]>();
  for (const quake of quakes) {
    const name = stats.regionOf(quake);
    const group = grouped.get(name);
    if (group) group.push(quake);
    else grouped.set(name, [quake]);
  }
  return [...grouped.keys()].sort().map((name) => ({ name, quakes: grouped.get(name)! }));
});

const summarise = task({ description: "One region in numbers." }, function summarise({ region }: { region: Region }) {
  return stats.summary(region);
});

const world = task(
  { description: "All regions together." },
  function world({ summaries, rejected }: { summaries: Summary[]; rejected: Record<string, number> }) {
    if (summaries.length === 0) throw new Fail("there was no earthquake");
    return stats.together(summaries, rejected);
  },
);

interface Judged {
  world: World;
  threshold: number;
}

const judge = branch({ description: "Decide which notice the week needs." }, function judge({ world, threshold }: Judged) {
  return world.strongest.magnitude >= threshold ? alert : allClear;
});

const alert = task({ description: "Somebody has to act." }, function alert({ world, threshold }: Judged) {
  const { magnitude, place } = world.strongest;
  return `An earthquake of magnitude ${magnitude}, ${place}, reached ${threshold.toFixed(1)}.`;
});

const allClear = task({ id: "all_clear", description: "No action is needed." }, function allClear({ threshold }: Judged) {
  return `No earthquake reached magnitude ${threshold.toFixed(1)}.`;
});

const report = task(
  { triggerRule: "none_failed_min_one_success", description: "Write the page." },
  function report({ world, alert, calm }: { world: World; alert: string | null; calm: string | null }, context: Context) {
    const notice = alert ?? calm;
    if (notice === null) throw new Fail("neither notice was written");
    const lines = ["# A week of earthquakes", "", notice, "", "| region | earthquakes | strongest |", "|---|---|---|"];
    for (const [index, { region, count, strongest }] of world.ranking.entries()) {
      context.progress(index / world.ranking.length, region);
      lines.push(`| ${region} | ${count} | ${strongest} |`);
    }
    return { notice, page: Artifact.write(`${lines.join("\n")}\n`, "text/markdown") };
  },
);

export const quakes = dag(
  { tags: ["example"], description: "A week of earthquakes, region by region.", params: { threshold: 7, outage: 1 } },
  function quakes({ threshold, outage }) {
    const checked = validate({ events: feed({ outage }) });
    const summaries = summarise.expand({ region: regions({ quakes: checked.quakes }) });
    const earth = world({ summaries, rejected: checked.rejected });
    const judged = judge({ world: earth, threshold });
    const [alarm, calm] = [alert({ world: earth, threshold }), allClear({ world: earth, threshold })];
    chain(judged, [alarm, calm]);
    report({ world: earth, alert: alarm, calm });
  },
);
