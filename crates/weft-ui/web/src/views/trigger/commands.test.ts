import { describe, expect, it } from "vitest";
import { curl, wfctl } from "./commands";

describe("equal commands", () => {
  it("quote what a shell would read", () => {
    const request = { dag: "nightly", params: { region: "north", n: "96", list: ["a b"], say: "it's" } };
    expect(wfctl(request)).toBe(
      [
        "wfctl runs trigger nightly",
        "  --param region=north",
        `  --param 'n="96"'`,
        `  --param 'list=["a b"]'`,
        `  --param 'say=it'\\''s'`,
        "  --watch",
      ].join(" \\\n"),
    );
    expect(curl(request, "http://h", "k")).toContain(`"say": "it'\\''s"`);
  });

  it("name a later start", () => {
    const request = { dag: "nightly", params: {}, notBefore: "2026-12-24T17:00:00.000Z" };
    expect(wfctl(request)).toContain("--at 2026-12-24T17:00:00.000Z");
    expect(curl(request, "http://h", "k")).toContain('"not_before": "2026-12-24T17:00:00.000Z"');
  });

  it("name another version than the active one", () => {
    const request = { dag: "nightly", params: {}, version: 3 };
    expect(wfctl(request)).toContain("--dag-version 3");
    expect(curl(request, "http://h", "k")).toContain('"version": 3');
  });
});
