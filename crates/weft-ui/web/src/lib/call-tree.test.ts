import { describe, expect, it } from "vitest";
import type { TreeRun } from "../api/types";
import type { RunState } from "../state/states";
import { callRows, matching, sums } from "./call-tree";

const run = (id: string, state: RunState, caller?: string, task = "close", index = 0): TreeRun => ({
  id,
  dag: "books",
  kind: caller ? "called" : "manual",
  state,
  created: "2026-11-01T00:00:00Z",
  ...(caller ? { called_by: { run: caller, task, index } } : {}),
});

const RUNS = [
  run("a", "running"),
  run("b", "success", "a"),
  run("c", "running", "a"),
  run("d", "failed", "b"),
  run("e", "queued", "c"),
  run("f", "failed", "b"),
];
const shown = (runs: readonly TreeRun[], closed: string[] = []) =>
  callRows(runs, new Set(closed)).map((row) => `${" ".repeat(row.depth)}${row.run.id}`);

describe("the tree of runs", () => {
  it("puts each run below its caller, in the order of their calls", () => {
    expect(shown(RUNS)).toEqual(["a", " b", "  d", "  f", " c", "  e"]);
  });
  it("folds a run with everything below it, and says what is there", () => {
    expect(shown(RUNS, ["b"])).toEqual(["a", " b", " c", "  e"]);
    const rows = callRows(RUNS, new Set(["b"]));
    expect(rows.map((row) => row.open)).toEqual([true, false, true, undefined]);
    expect(rows[0]?.below).toEqual({ runs: 5, failed: 2, active: 2 });
    expect(rows[1]?.below).toEqual({ runs: 2, failed: 2, active: 0 });
  });
  it("has the calls of a run by task and map index", () => {
    const runs = [
      run("a", "running"),
      run("b", "success", "a", "close", 10),
      run("c", "success", "a", "close", 2),
      run("d", "success", "a", "check"),
      run("e", "success", "a", "close", 2),
    ];
    expect(shown(runs)).toEqual(["a", " d", " c", " e", " b"]);
  });
  it("begins with a run whose caller is gone", () => {
    expect(shown([run("b", "success", "gone"), run("d", "failed", "b")])).toEqual(["b", " d"]);
    expect(sums([run("b", "success", "gone")]).size).toBe(0);
  });
  it("keeps the callers of what matches", () => {
    expect(shown(matching(RUNS, "failed"))).toEqual(["a", " b", "  d", "  f"]);
    expect(matching(RUNS, "cancelled")).toEqual([]);
    expect(matching(RUNS, "")).toBe(RUNS);
  });
  it("takes a chain of 10,000 runs", () => {
    const chain = Array.from({ length: 10_000 }, (_, i) => run(String(i), "success", i ? String(i - 1) : undefined));
    const rows = callRows(chain, new Set());
    expect(rows.at(-1)?.depth).toBe(9_999);
    expect(rows[0]?.below.runs).toBe(9_999);
  });
});
