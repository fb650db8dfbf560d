import { describe, expect, it } from "vitest";
import { holidaysOf, sizeOf, spanOf, specOf } from "./spec";

describe("what a document says of a task", () => {
  it("is read from manifests and lists", () => {
    const task = { inputs: { a: "x", b: { task: "y", pointer: "/p" } }, limits: { memory: "64MiB" }, timeout: "10m" };
    for (const tasks of [{ t: task }, [{ id: "t", ...task }]]) {
      const spec = specOf({ dags: [{ tasks }] }, "t");
      expect(spec.inputs).toEqual([
        { name: "a", task: "x" },
        { name: "b", task: "y" },
      ]);
      expect(spec).toMatchObject({ limits: { memory: "64MiB" }, timeout: "10m" });
    }
    expect(specOf(null, "t").inputs).toEqual([]);
    const grants = { http: ["https://a.example", "b.example:8080"], variables: ["key"] };
    expect(specOf({ dags: [{ tasks: { t: { grants } } }] }, "t").grants).toEqual([
      "http https://a.example",
      "http b.example:8080",
      "variables key",
    ]);
  });
  it("knows which inputs are of the same index", () => {
    const tasks = {
      "g.a": { inputs: { file: { element: "x", pointer: "/p" } } },
      "g.b": { inputs: { rows: "g.a", day: "days" } },
      after: { inputs: { all: "g.b" } },
    };
    const of = (task: string) => specOf({ dags: [{ groups: { g: { expand: { x: "files" } } }, tasks }] }, task).inputs;
    expect(of("g.a")).toEqual([{ name: "file", task: "files" }]);
    expect(of("g.b")).toEqual([
      { name: "rows", task: "g.a", sameIndex: true },
      { name: "day", task: "days" },
    ]);
    expect(of("after")).toEqual([{ name: "all", task: "g.b" }]);
  });
  it("has holidays", () => {
    expect(holidaysOf({ dags: [{ holidays: ["12-25", "2026-12-24"] }] })).toEqual(["12-25", "2026-12-24"]);
    expect([holidaysOf({ dags: [{ holidays: "12-25" }] }), holidaysOf({ dags: [{}] }), holidaysOf(null)]).toEqual([
      ["12-25"],
      [],
      [],
    ]);
  });
  it("has sizes and spans", () => {
    expect([sizeOf("64MiB"), sizeOf("12"), sizeOf("x")]).toEqual([67_108_864, 12, undefined]);
    expect([spanOf("1h30m"), spanOf("500ms"), spanOf("x")]).toEqual([5_400_000, 500, undefined]);
  });
});
