import { describe, expect, it } from "vitest";
import { criticalPath, spans } from "./critical";

const t = (task: string, q: number, e?: number) => ({
  task,
  index: 0,
  number: 1,
  state: "success",
  queued: new Date(q).toISOString(),
  started: new Date(q).toISOString(),
  ended: e === undefined ? null : new Date(e).toISOString(),
});

describe("the critical path", () => {
  const edges = [
    { from: "a", to: "b" },
    { from: "a", to: "c" },
    { from: "b", to: "d" },
    { from: "c", to: "d" },
  ];
  it("follows the upstream that ended last", () => {
    expect(criticalPath(edges, spans([t("a", 0, 5), t("b", 5, 9), t("c", 5, 20), t("d", 20, 21)]))).toEqual([
      "a",
      "c",
      "d",
    ]);
  });
  it("ends at what still runs", () => {
    expect(criticalPath(edges, spans([t("a", 0, 5), t("b", 5), t("c", 5, 20)]))).toEqual(["a", "b"]);
    expect(criticalPath(edges, spans([]))).toEqual([]);
  });
});
