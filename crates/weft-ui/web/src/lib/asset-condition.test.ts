import { expect, test } from "vitest";
import { conditionOf } from "./asset-condition";

const of = (on_assets: unknown) => conditionOf({ dags: [{ on_assets }] });
const updated = (asset: string) => ({ kind: "updated", asset });

test("a condition is read in each of its forms", () => {
  expect(of("a")).toEqual(updated("a"));
  expect(of(["a", "b"])).toEqual({ kind: "all", of: [updated("a"), updated("b")] });
  expect(of({ all: ["a", { any: ["b", { asset: "c", within: "1d" }] }] })).toEqual({
    kind: "all",
    of: [updated("a"), { kind: "any", of: [updated("b"), { kind: "within", asset: "c", within: "1d" }] }],
  });
});

test("of one part the part remains", () => {
  expect(of({ any: [["a"]] })).toEqual(updated("a"));
});

test("what is no condition is none", () => {
  for (const value of [undefined, null, 3, {}, [], { all: [] }, { asset: 1 }]) expect(of(value)).toBeUndefined();
  expect(conditionOf(undefined)).toBeUndefined();
  expect(conditionOf({ dags: [] })).toBeUndefined();
  let deep: unknown = "a";
  for (let i = 0; i < 10_000; i += 1) deep = [deep];
  expect(of(deep)).toBeUndefined();
});
