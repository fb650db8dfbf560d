import { describe, expect, it } from "vitest";
import { bytes, plural, shell, shorten, visible, visibleLines } from "./text";

describe("texts from guests", () => {
  it("can't hide or turn around characters", () => {
    expect(visible("a\u202ebc\u0007\n")).toBe("a\\u{202e}bc\\u{7}\\n");
    expect(visible("\u200bx\ufeff")).toBe("\\u{200b}x\\u{feff}");
  });
  it("keep lines where lines are wanted", () => {
    expect(visibleLines("one\r\n\ttwo\u001b[2J")).toBe("one\n\ttwo\\u{1b}[2J");
  });
  it("are cut in the middle", () => {
    expect(shorten("abcdefghij", 7)).toBe("abc…hij");
  });
  it("are quoted for a shell", () => {
    expect(shell("region=north")).toBe("region=north");
    expect(shell("it's; rm -rf /")).toBe("'it'\\''s; rm -rf /'");
  });
});

describe("amounts", () => {
  it("are counted and measured", () => {
    expect(plural(1, "run")).toBe("1 run");
    expect(plural(1200, "run")).toBe("1,200 runs");
    expect([61, 2458, 200_278_016].map(bytes)).toEqual(["61 B", "2.4 KiB", "191 MiB"]);
  });
});
