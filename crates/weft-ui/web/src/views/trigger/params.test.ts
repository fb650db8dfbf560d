import { describe, expect, it } from "vitest";
import type { ParamDetail } from "../../api/types";
import { hint, kindOf, read, textOf } from "./params";

const p = (schema: unknown, more: Partial<ParamDetail> = {}): ParamDetail => ({
  name: "x",
  required: false,
  schema,
  ...more,
});

describe("fields", () => {
  it("are what their schema or default says", () => {
    expect(kindOf(p({ enum: [1, 2] }))).toBe("choice");
    expect(kindOf(p({ type: ["string", "null"] }))).toBe("text");
    expect(kindOf(p({ type: "object" }))).toBe("json");
    expect(kindOf(p(undefined, { default: true }))).toBe("boolean");
    expect(kindOf(p(undefined))).toBe("json");
  });
  it("say what is wrong", () => {
    const parallel = p({ type: "integer", minimum: 1, maximum: 64 });
    expect(read(parallel, "96")).toEqual({ error: "96 is more than the maximum of 64" });
    expect(read(parallel, "1.5")).toEqual({ error: "This is no whole number" });
    expect(read(parallel, "")).toEqual({ error: "This is no number" });
    expect(read(parallel, " 12 ")).toEqual({ value: 12 });
    expect(read(p({ type: "string", pattern: "^\\d{4}$" }), "12").error).toContain("does not match");
    expect(read(p({ type: "array", maxItems: 1 }), "[1,2]").error).toBe("At most 1 items are allowed");
    expect(read(p({ type: "object" }), "{").error).toContain("no JSON");
    expect(hint(parallel)).toBe("1 to 64");
  });
  it("show and read the same value", () => {
    for (const [schema, value] of [
      [{ type: "string" }, '"quoted" \\'],
      [{ enum: ["a", "b"] }, "b"],
      [{ type: "number" }, 0.2],
      [{ type: "boolean" }, false],
      [{ type: "array" }, ["0417"]],
    ] as const) {
      const param = p(schema);
      expect(read(param, textOf(kindOf(param), value)).value).toEqual(value);
    }
  });
});
