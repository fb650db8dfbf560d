/**
 * What the compiler must take, and what it must refuse: an edge whose types
 * don't fit is an error of tsc, at the author's line. Never run; a refusal that
 * no longer comes is an error itself.
 */

import { Artifact, branch, type Context, chain, dag, Fail, param, task } from "@weft/sdk";

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
  line.with({ id: "other" })({ quake: top, unit: "m" });
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
  // @ts-expect-error elements of another type
  line.expand({ quake: [1, 2] }, { unit: "km" });
  // @ts-expect-error JSON makes text of a date
  late({ at: when().at });
  // @ts-expect-error JSON has no maps
  counted({ of: map() });
  // @ts-expect-error a number is no object
  any({ of: strongest({ quakes }).magnitude });
});

// @ts-expect-error no such setting
task({ retry: 3 }, function typo() {});
// @ts-expect-error no such trigger rule
task({ triggerRule: "all_good" }, function rule() {});
dag({ params: { threshold: 7 } }, function typed({ threshold }) {
  // @ts-expect-error a parameter of another type
  extract({ url: threshold });
});
