import { describe, expect, it } from "vitest";
import { groupsOf, treeRows } from "./tree";

const TASKS = ["list", "extract.store", "extract.deep.a", "land", "extract.deep.b"];
const shown = (closed: string[]) =>
  treeRows(TASKS, new Set(closed)).map((r) => `${" ".repeat(r.depth)}${r.kind === "group" ? "+" : ""}${r.name}`);

describe("the tree of tasks", () => {
  it("keeps a group's tasks together where its first one stands", () => {
    expect(shown([])).toEqual(["list", "+extract", " store", " +deep", "  a", "  b", "land"]);
  });
  it("folds groups with everything below", () => {
    expect(shown(["extract"])).toEqual(["list", "+extract", "land"]);
    expect(treeRows(TASKS, new Set(["extract"]))[1]?.tasks).toEqual([1, 2, 4]);
    expect(groupsOf(TASKS).sort()).toEqual(["extract", "extract.deep"]);
  });
});
