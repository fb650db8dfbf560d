import { describe, expect, it } from "vitest";
import { levelOf, linesOf, mark, parts, patternOf, plain } from "./log";

describe("levels", () => {
  it("are the source's, else guessed from the beginning", () => {
    const of = (source: "stderr" | "warn" | "trace", message: string) => levelOf({ source, message });
    expect(of("warn", "error: no")).toBe("warn");
    expect(of("trace", "x")).toBe("debug");
    expect(of("stderr", "error: 503")).toBe("error");
    expect(of("stderr", "[WARN] late")).toBe("warn");
    expect(of("stderr", "no error at all")).toBe("info");
    expect(of("stderr", "Traceback (most recent call last):")).toBe("error");
  });
});

describe("what terminals would do", () => {
  it("is colour as parts and nothing else", () => {
    expect(parts("\u001b[31mred\u001b[0m and \u001b[1mbold\u001b[0m")).toEqual([
      { text: "red", colour: "failed" },
      { text: " and " },
      { text: "bold", bold: true },
    ]);
    expect(plain("\u001b]8;;javascript:alert(1)\u0007link\u001b]8;;\u0007")).toBe("link");
    expect(plain("\u001b[2J\u001b[Hcleared")).toBe("cleared");
  });
  it("leaves the last text after a carriage return", () => {
    expect(plain("10 %\r20 %\r100 %")).toBe("100 %");
    expect(plain("windows\r")).toBe("windows");
  });
  it("shows what would be invisible", () => {
    expect(parts("a\u202eb\u0000")).toEqual([{ text: "a\\u{202e}b\\u{0}" }]);
  });
  it("is no markup", () => {
    expect(parts("<script>alert(1)</script>")).toEqual([{ text: "<script>alert(1)</script>" }]);
  });
});

describe("searching", () => {
  it("marks hits across parts", () => {
    expect(mark([{ text: "ab" }, { text: "cd", colour: "failed" }], patternOf("bc"))).toEqual([
      { text: "a" },
      { text: "b", hit: true },
      { text: "c", colour: "failed", hit: true },
      { text: "d", colour: "failed" },
    ]);
  });
  it("takes text as text, and slashes as a pattern", () => {
    expect(patternOf("a.c")?.test("abc")).toBe(false);
    expect(patternOf("/a.c/")?.test("ABC")).toBe(true);
    expect(patternOf("/(/")).toBeUndefined();
  });
  it("reads links to lines", () => {
    expect(linesOf("#L1042-L1050")).toEqual({ from: 1041, to: 1049 });
    expect(linesOf("L7")).toEqual({ from: 6, to: 6 });
    expect(linesOf("#x")).toBeUndefined();
  });
});
