import { describe, expect, it } from "vitest";
import { shape, stripes } from "./glyphs";
import { BY_CODE, CODE, NO_COUNTS, worseCode, worst } from "./states";

describe("sums", () => {
  it("never average a failure away", () => {
    expect(worst({ ...NO_COUNTS, success: 99_999, failed: 1 })).toBe("failed");
    expect(worst({ ...NO_COUNTS, success: 3, running: 1 })).toBe("running");
    expect(worst(NO_COUNTS)).toBeUndefined();
    expect(BY_CODE[worseCode(CODE.success, CODE.upstream_failed)]).toBe("upstream_failed");
    expect(worseCode(0, CODE.skipped)).toBe(CODE.skipped);
  });
});

describe("marks", () => {
  it("are quiet for success and full for failures", () => {
    expect(shape("success", 0, 0, 18, 16, { quiet: true }).box).toMatchObject({ w: 10, h: 8 });
    expect(shape("failed", 0, 0, 18, 16, { quiet: true }).box).toMatchObject({ w: 18, h: 16 });
    expect(shape("skipped", 0, 0, 18, 16, { quiet: true }).box).toMatchObject({ w: 12, h: 10 });
    expect(shape("cancelled", 0, 0, 18, 16, { quiet: true }).box).toMatchObject({ w: 16, h: 14 });
  });
  it("have stripes inside their box only", () => {
    for (const [, x, y] of stripes(2, 3, 16, 14).matchAll(/[ML]([\d.]+) ([\d.]+)/g)) {
      expect(Number(x)).toBeGreaterThanOrEqual(2);
      expect(Number(x)).toBeLessThanOrEqual(18);
      expect(Number(y)).toBeGreaterThanOrEqual(3);
      expect(Number(y)).toBeLessThanOrEqual(17);
    }
  });
});
