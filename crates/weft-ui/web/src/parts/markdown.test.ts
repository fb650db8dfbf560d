import { describe, expect, it } from "vitest";
import { parse, safeUrl } from "./markdown";

describe("Markdown of guests", () => {
  it("opens only web addresses", () => {
    expect(safeUrl("https://example.com/a b")).toBe("https://example.com/a%20b");
    for (const bad of ["javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "/dags", "//x", "vbscript:x"])
      expect(safeUrl(bad)).toBeUndefined();
  });
  it("has tables, and HTML as a text", () => {
    const { children } = parse("| a | b |\n|---|--:|\n| 1 | 2 |\n\n<img src=x onerror=alert(1)>\n");
    expect(children.map((c) => c.type)).toEqual(["table", "html"]);
  });
});
