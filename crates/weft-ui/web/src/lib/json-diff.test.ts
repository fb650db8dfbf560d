import { describe, expect, it } from "vitest";
import { jsonDiff } from "./json-diff";

describe("differences of documents", () => {
  it("name the path", () => {
    expect(jsonDiff({ a: 1, b: { c: [1, 2] } }, { a: 2, b: { c: [1, 3, 4] } })).toEqual([
      { path: "a", before: 1, after: 2 },
      { path: "b.c[1]", before: 2, after: 3 },
      { path: "b.c[2]", after: 4 },
    ]);
  });
  it("match items by id", () => {
    const t = (id: string, retries: number) => ({ id, retries });
    expect(jsonDiff({ tasks: [t("a", 1), t("b", 1)] }, { tasks: [t("b", 1), t("a", 2)] })).toEqual([
      { path: "tasks.a.retries", before: 1, after: 2 },
    ]);
    expect(jsonDiff([t("a", 1)], [])).toEqual([{ path: "a", before: t("a", 1) }]);
  });
});
