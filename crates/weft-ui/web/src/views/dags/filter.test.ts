import { describe, expect, it } from "vitest";
import type { ListedDag } from "../../api/queries";
import type { RecentRun } from "../../api/shapes";
import type { RunState } from "../../state/states";
import { filtered, median, sorted } from "./filter";

const dag = (id: string, more: Partial<ListedDag> = {}): ListedDag => ({
  id,
  tags: [],
  paused: false,
  created: "2026-11-01T00:00:00Z",
  updated: "2026-11-01T00:00:00Z",
  ...more,
});
const brief = (id: string, state: RunState): RecentRun => ({
  id,
  state,
  version: 1,
  kind: "manual",
  logical_date: "2026-11-01T00:00:00Z",
  created: "2026-11-01T00:00:00Z",
});
const list = [
  dag("nightly_stock", {
    tags: ["retail"],
    recent: [brief("2", "running"), brief("1", "failed")],
  }),
  dag("invoices", { description: "Bills of each month", paused: true }),
  dag("quakes", { owners: ["data"], next_run: "2026-11-02T00:00:00Z" }),
];
const none = { q: "", state: "", tag: "", owner: "" };
const ids = (dags: ListedDag[]) => dags.map((d) => d.id);

describe("filtering", () => {
  it("takes every word from any field", () => {
    expect(ids(filtered(list, { ...none, q: "MONTH bill" }))).toEqual(["invoices"]);
    expect(ids(filtered(list, { ...none, q: "retail" }))).toEqual(["nightly_stock"]);
  });
  it("takes owners", () => {
    expect(ids(filtered(list, { ...none, owner: "data" }))).toEqual(["quakes"]);
    expect(ids(filtered(list, { ...none, q: "data" }))).toEqual(["quakes"]);
  });
  it("takes a DAG as failing by its last ended run, also while the next one runs", () => {
    expect(ids(filtered(list, { ...none, state: "failed" }))).toEqual(["nightly_stock"]);
    expect(ids(filtered(list, { ...none, state: "running" }))).toEqual(["nightly_stock"]);
    expect(ids(filtered(list, { ...none, state: "paused" }))).toEqual(["invoices"]);
  });
});

describe("ordering", () => {
  it("puts those without a next run last", () => {
    expect(ids(sorted(list, "next"))).toEqual(["quakes", "invoices", "nightly_stock"]);
    expect(ids(sorted(list, "name"))).toEqual(["invoices", "nightly_stock", "quakes"]);
  });
  it("knows medians", () => {
    expect([median([]), median([3, 1, 2]), median([4, 1])]).toEqual([undefined, 2, 2.5]);
  });
});
