/**
 * What the compiler must take, and what it must refuse: an edge whose types
 * don't fit is an error of tsc, at the author's line. Never run; a refusal that
 * no longer comes is an error itself.
 */

import { allOf, Artifact, branch, type Context, chain, dag, Defer, each, Fail, mapGroup, param, task, teardownOf, update, within } from "@weft/sdk";
import { assetUpdated, otherDag, waitUntil } from "@weft/sdk/sensors";
import { run } from "@weft/sdk/testing";

interface Quake {
  place: string;
  magnitude: number;
  felt?: number;
}

const extract = task({ retries: 3, grants: { http: ["example.org"] } }, async function extract({ url }: { url: string }): Promise<Quake[]> {
  return [{ place: url, magnitude: 1 }];
});
const strongest = task(function strongest({ quakes }: { quakes: Quake[] }, context: Context): Quake {
  context.progress(0.5);
  return quakes[0]!;
});
const report = task(function report({ top, lines }: { top: Quake; lines?: string[] }) {
  return `${top.place} ${lines?.length}`;
});
const line = task(function line({ quake, unit }: { quake: Quake; unit: string }) {
  return quake.place + unit;
});
const when = task(function when() {
  return { at: new Date(), count: 1, say: () => "x" };
});
const day = task(function day({ at }: { at: string }) {
  return at;
});
const map = task(function map() {
  return new Map<string, number>();
});
const counted = task(function counted({ of }: { of: Map<string, number> }) {
  return of.size;
});
const magnified = task(function magnified({ by }: { by: number }) {
  return by;
});
const late = task(function late({ at }: { at: Date }) {
  return at;
});
const any = task(function any({ of }: { of: Record<string, unknown> }) {
  return of;
});
const draws = task(function draws() {
  return Artifact.write("<svg/>");
});
const shows = task(function shows({ chart, notice }: { chart: Artifact; notice: string | null }) {
  return chart.text() + notice;
});
const felt = task(function felt({ by, places }: { by?: number; places: string[] }) {
  return places.length + (by ?? 0);
});
const nested = task(function nested(): { all: string[]; quake: Quake | null; size?: { mm: number } }[] {
  return [];
});
const anything = task(function anything(): any {
  return [];
});
const judge = branch(function judge({ top }: { top: Quake }) {
  return top.magnitude > 7 ? "report" : [];
});
const fails = task(function fails(): string {
  throw new Fail("always");
});

export const good = dag({ schedule: "@daily", params: { url: "https://example.org", most: param<number>() } }, function good({ url, most }) {
  const quakes = extract({ url });
  const top = strongest({ quakes });
  const lines = line.expand({ quake: quakes }, { unit: "km" });
  const notice = report({ top, lines });
  report({ top: quakes[0]! });
  report({ top: { place: top.place, magnitude: most }, lines: [fails(), "x"] });
  day({ at: when().at });
  shows({ chart: draws(), notice });
  chain(judge({ top }), [notice, fails()]);
  line.zip({ quake: quakes, unit: ["km", "m"] });
  teardownOf(shows({ chart: draws(), notice }), [quakes, top], { failsRun: true });
  day.expand({ at: each(quakes, (quake) => quake.place) });
  line.zip({ quake: each(quakes, { filter: (quake) => quake.felt }), unit: each(quakes, (quake) => quake.place, { filter: ({ felt }) => felt }) });
  felt.expand({ by: each(quakes, (quake) => quake.felt), places: each(nested(), ({ all }) => all) });
  felt.expand({ by: each(nested(), (one) => one.quake.magnitude), places: each([["a"], ["b"]]) });
  felt.expand({ by: each([{ n: 1 }, { n: 2 }] as const, ({ n }) => n) }, { places: ["a"] });
  any.expand({ of: each(anything(), (one) => one.deep!.part!, { filter: (one) => one.on! }) });
  line.with({ id: "other" })({ quake: top, unit: "m" });
  const mapped = mapGroup("load", { quake: quakes, unit: ["km", "m"], one: each(nested(), (one) => one.size) }, ({ quake, unit, one }) => {
    felt({ by: quake.felt, places: [quake.place, unit] });
    felt({ by: one.mm, places: [] });
    any({ of: { one, quake } });
    return line({ quake, unit });
  });
  report({ top, lines: mapped });
  day({ at: mapped[0]! });
  day.expand({ at: mapped });
  const nothing: void = mapGroup("nothing", { at: mapped }, ({ at }) => void day({ at }), { zip: true });
  any({ of: { nothing } });
  const untyped = mapGroup("untyped", { of: anything() }, ({ of }) => any({ of: of.deep!.part! }));
  any.expand({ of: untyped });
});

dag(function bad() {
  const quakes = extract({ url: "x" });
  // @ts-expect-error a list is no single one
  report({ top: quakes });
  // @ts-expect-error an output of another type
  strongest({ quakes: fails() });
  // @ts-expect-error a part that isn't there
  report({ top: strongest({ quakes }).nothing });
  // @ts-expect-error a part of another type
  day({ at: strongest({ quakes }).magnitude });
  // @ts-expect-error an input is missing
  strongest({});
  // @ts-expect-error no input at all
  strongest();
  // @ts-expect-error an input that it doesn't take
  strongest({ quakes, url: "x" });
  // @ts-expect-error a constant of another type
  extract({ url: 5 });
  // @ts-expect-error one of the inputs is left
  line.expand({ quake: quakes });
  // @ts-expect-error to map over what is no list
  line.expand({ quake: strongest({ quakes }) }, { unit: "km" });
  // @ts-expect-error one of the inputs is left
  line.zip({ quake: quakes });
  // @ts-expect-error a setup is a task's output
  teardownOf(strongest({ quakes }), "extract");
  // @ts-expect-error elements of another type
  line.expand({ quake: [1, 2] }, { unit: "km" });
  // @ts-expect-error a part of elements of another type
  line.expand({ quake: each(quakes, (quake) => quake.place) }, { unit: "km" });
  // @ts-expect-error a part that elements don't have
  day.expand({ at: each(quakes, (quake) => quake.where) });
  // @ts-expect-error a part that elements may lack, for an input that has to be there
  magnified.expand({ by: each(quakes, (quake) => quake.felt) });
  // @ts-expect-error neither is there a part of what may be null
  magnified.expand({ by: each(nested(), (one) => one.quake.magnitude) });
  // @ts-expect-error nor of a list that may have fewer elements
  day.expand({ at: each(nested(), (one) => one.all[0]!) });
  // @ts-expect-error a filter picks a part, too
  line.expand({ quake: each(quakes, { filter: (quake) => quake.felt === 3 }) }, { unit: "km" });
  // @ts-expect-error a part that elements don't have, in a filter
  line.expand({ quake: each(quakes, { filter: (quake) => quake.where }) }, { unit: "km" });
  // @ts-expect-error a mapped group goes over lists
  mapGroup("one", { quake: strongest({ quakes }) }, ({ quake }) => line({ quake, unit: "km" }));
  // @ts-expect-error its function returns an output
  mapGroup("constant", { quake: quakes }, () => 5);
  // @ts-expect-error no such list
  mapGroup("missing", { quake: quakes }, ({ other }) => line({ quake: other, unit: "km" }));
  // @ts-expect-error no such setting
  mapGroup("zipped", { quake: quakes }, ({ quake }) => line({ quake, unit: "km" }), { zipped: true });
  // @ts-expect-error outside of the group there is a list
  day({ at: mapGroup("outside", { quake: quakes }, ({ quake }) => line({ quake, unit: "km" })) });
  mapGroup("wrong", { quake: quakes, one: nested() }, ({ quake, one }) => {
    // @ts-expect-error an element of another type
    day({ at: quake });
    // @ts-expect-error a part of another type
    day({ at: quake.magnitude });
    // @ts-expect-error a part that elements don't have
    day({ at: quake.where });
    // @ts-expect-error a part that elements may lack, for an input that has to be there
    magnified({ by: quake.felt });
    // @ts-expect-error neither is there a part of what may be null
    magnified({ by: one.quake.magnitude });
    // @ts-expect-error within the group the output is no list
    report({ top: quake, lines: line({ quake, unit: "km" }) });
  });
  // @ts-expect-error each(...) is no value
  strongest({ quakes: each(quakes) });
  // @ts-expect-error what is no list has no elements
  each(strongest({ quakes }), (quake) => quake.place);
  // @ts-expect-error JSON makes text of a date
  late({ at: when().at });
  // @ts-expect-error JSON has no maps
  counted({ of: map() });
  // @ts-expect-error a number is no object
  any({ of: strongest({ quakes }).magnitude });
});

const calls = task({ grants: { dags: ["child"] } }, async function calls(_: {}, context: Context) {
  await waitUntil(context, () => true, { every: 5, timeout: 60 });
  const { rows }: { rows: number } = await waitUntil(context, async (): Promise<{ rows: number } | null> => null);
  console.info(rows);
  const { woken } = context;
  if (woken === null) throw new Defer({ call: { dag: "child", params: { rows: 7 } }, timeout: 60 });
  return { run: woken.run ?? null, report: woken.output("report") };
});
dag(function calling() {
  any({ of: calls() });
});
// @ts-expect-error a wait needs what it waits for
new Defer({ date: new Date() });
// @ts-expect-error a called DAG is named
new Defer({ call: { params: {} } });
// @ts-expect-error parameters have names
new Defer({ call: { dag: "child", params: 7 } });
// @ts-expect-error a date is a Date
new Defer({ dag: "daily", logicalDate: "2026-01-01" });

const awaits = task(function awaits(_: {}, context: Context) {
  const { woken } = context;
  if (woken === null) throw new Defer({ run: "0c3k5v7n9q1st", task: "load", timeout: 60 });
  if (woken.task !== undefined) throw new Defer({ asset: "orders", partition: "x", since: new Date(0), timeout: 60 });
  const id: string = otherDag(context, "daily", { task: "load", timeout: 60 });
  const { asset, partition, metadata, at, run } = assetUpdated(context, "orders", { partition: "x", since: new Date(0), timeout: 60 });
  const texts: string[] = [id, asset, partition ?? "", run ?? "", at.toISOString()];
  return { texts, rows: Number(metadata?.rows) };
});
export const awaited = run(dag(function awaiting() { awaits(); }), {}, {
  runs: { daily: { state: "success", tasks: { load: "skipped" } } },
  assets: { orders: { metadata: { rows: 3 }, at: new Date(0) } },
});
// @ts-expect-error a point in time is a Date
new Defer({ asset: "orders", since: "2026-01-01" });
// @ts-expect-error a task is named by its id
new Defer({ run: "0c3k5v7n9q1st", task: awaits });
// @ts-expect-error a task does not end so
run(dag(function ends() {}), {}, { runs: { daily: { tasks: { load: "upstream_failed" } } } });

const updates = task({ outlets: ["orders"] }, function updates() {
  return update({ rows: 3 }, { assets: [{ asset: "orders", metadata: { rows: 3 } }] });
});
dag({ onAssets: allOf("orders", ["a"], within("b", 60)) }, function updated() {
  day({ at: "x" });
  // @ts-expect-error the output is the task's, with or without updates
  day({ at: updates().rows });
});
// @ts-expect-error an update names its asset
update(1, { assets: [{ partition: "x" }] });
// @ts-expect-error outlets are a list
task({ outlets: "orders" }, function outlet() {});
// @ts-expect-error no such condition
dag({ onAssets: { none: ["orders"] } }, function unknown() {});

// @ts-expect-error no such setting
task({ retry: 3 }, function typo() {});
// @ts-expect-error no such code of a failure
task({ retryOn: ["lost"] }, function codes() {});
task({ dependsOnPast: true, waitForDownstream: true, latestOnly: false, deadline: 90, onMissedDeadline: "notify" }, function past() {});
dag({ owners: ["a"] as const, concurrencyKey: "{{ params.a }}", maxActiveRunsPerKey: 2, rateLimit: { runs: 3, per: 60 } }, function keyed() {});
// @ts-expect-error a limit has a span
dag({ rateLimit: { runs: 3 } }, function limit() {});
// @ts-expect-error an owner is a text
dag({ owners: [1] }, function owner() {});
// @ts-expect-error a key is a text
dag({ concurrencyKey: ["a"] }, function key() {});
// @ts-expect-error runs by key are a DAG's
task({ maxActiveRunsPerKey: 2 }, function perKey() {});
dag({ schedule: ["0 6 * * 1-5", "2026-12-24T06:00"] as const, holidays: ["2026-12-24", "12-25"] }, function several() {});
// @ts-expect-error a holiday is a text
dag({ schedule: "@daily", holidays: [new Date(0)] }, function holiday() {});
// @ts-expect-error a missed deadline can't do this
task({ deadline: "2h", onMissedDeadline: "fail" }, function missed() {});
dag({ priority: 5, priorityRule: "inherited" }, function urgent() {});
// @ts-expect-error no such rule
dag({ priorityRule: "upstream" }, function priorities() {});
// @ts-expect-error the rule is a DAG's
task({ priorityRule: "inherited" }, function inherits() {});
// @ts-expect-error a DAG depends on no run before
dag({ dependsOnPast: true }, function before() {});
// @ts-expect-error no such trigger rule
task({ triggerRule: "all_good" }, function rule() {});
dag({ params: { threshold: 7 } }, function typed({ threshold }) {
  // @ts-expect-error a parameter of another type
  extract({ url: threshold });
});
