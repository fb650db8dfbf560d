import { describe, expect, it } from "vitest";
import type { Grid, GridRun } from "../../api/shapes";
import { CODE, NO_COUNTS } from "../../state/states";
import { failures, model, nextFailure } from "./model";

const run = (id: string, cells: number[]): GridRun => ({
  id,
  version: 1,
  kind: "manual",
  state: "success",
  logical_date: "2026-11-23T02:00:00Z",
  created: "2026-11-23T02:00:00Z",
  duration_ms: 1000,
  counts: NO_COUNTS,
  cells,
  mapped: [],
});
const S = CODE.success;
const F = CODE.failed;
const grid: Grid = {
  rows_id: "x",
  rows: [
    { task: "list", mapped: false },
    { task: "extract.a", mapped: true },
    { task: "extract.b", mapped: false },
    { task: "land", mapped: false },
  ],
  runs: [run("new", [S, 2, F, 1, 0, 1]), run("old", [S, 1, F, 1, S, 1, S, 1])],
};
const all = { closed: new Set<string>(), q: "", failedOnly: false };

describe("the grid's model", () => {
  it("has sums of groups in which a failure stays visible", () => {
    const made = model(grid, all);
    expect(made.rows.map((r) => r.id)).toEqual(["list", "extract", "extract.a", "extract.b", "land"]);
    expect(made.runs.map((r) => r.id)).toEqual(["old", "new"]);
    expect([...(made.codes[0] ?? [])]).toEqual([S, F, F, S, S]);
    expect([...(made.codes[1] ?? [])]).toEqual([S, F, S, F, 0]);
  });
  it("folds and filters", () => {
    expect(model(grid, { ...all, closed: new Set(["extract"]) }).rows.map((r) => r.id)).toEqual([
      "list",
      "extract",
      "land",
    ]);
    expect(model(grid, { ...all, failedOnly: true }).rows.map((r) => r.id)).toEqual([
      "extract",
      "extract.a",
      "extract.b",
    ]);
    expect(model(grid, { ...all, q: "land" }).rows.map((r) => r.id)).toEqual(["land"]);
  });
  it("walks over failures from the newest run back and around", () => {
    const made = model(grid, all);
    expect(failures(made)).toEqual([
      { row: 3, col: 1 },
      { row: 2, col: 0 },
    ]);
    const first = nextFailure(made, undefined, 1);
    const second = nextFailure(made, first, 1);
    expect(second).toEqual({ row: 2, col: 0 });
    expect(nextFailure(made, second, 1)).toEqual(first);
    expect(nextFailure(made, second, -1)).toEqual(first);
  });
});
