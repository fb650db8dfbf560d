import { describe, expect, it } from "vitest";
import { clock, dateTime, distance, duration, fromWall, offset, relative, shortTime } from "./time";

const NINE = Date.parse("2026-11-23T08:14:00Z");

describe("durations", () => {
  it("keep two units at most", () => {
    expect([0, 340, 12_400, 247_000, 7_500_000, 273_600_000].map(duration)).toEqual([
      "0 ms",
      "340 ms",
      "12.4 s",
      "4 m 07 s",
      "2 h 05 m",
      "3 d 4 h",
    ]);
  });
  it("never round to sixty of the smaller unit", () => {
    expect([999.6, 59_960, 3_599_900].map(duration)).toEqual(["1.0 s", "1 m 00 s", "1 h 00 m"]);
  });
  it("are relative only in words", () => {
    expect(relative(NINE - 9_060_000, NINE)).toBe("2 h 31 m ago");
    expect(relative(NINE + 60_000, NINE)).toBe("in 1 m");
    expect(distance(4 * 86_400_000)).toBe("4 days");
  });
});

describe("points in time", () => {
  it("are shown in the zone asked for", () => {
    expect(dateTime(NINE, "Europe/Berlin")).toBe("2026-11-23 09:14");
    expect(dateTime(NINE, "UTC", true)).toBe("2026-11-23 08:14:00");
    expect(clock(NINE + 345, "Asia/Kolkata", "ms")).toBe("13:44:00.345");
  });
  it("lose what the reader knows", () => {
    expect(shortTime(NINE, NINE + 3_600_000, "UTC")).toBe("08:14");
    expect(shortTime(NINE - 10 * 86_400_000, NINE, "UTC")).toBe("Nov 13 08:14");
  });
  it("midnight is 00:00", () => {
    expect(clock(Date.parse("2026-11-23T00:00:00Z"), "UTC")).toBe("00:00");
  });
});

describe("wall clock times", () => {
  it("are read in their zone, on both sides of a change of the clock", () => {
    expect(fromWall("2026-11-23 09:14", "Europe/Berlin")).toBe(NINE);
    expect(fromWall("2026-03-29 03:30", "Europe/Berlin")).toBe(Date.parse("2026-03-29T01:30:00Z"));
    expect(offset(NINE, "Europe/Berlin")).toBe(3_600_000);
  });
  it("refuse what is no date", () => {
    for (const text of ["2026-02-30", "2026-13-01", "soon", "2026-11-23 25:00"]) {
      expect(fromWall(text, "UTC")).toBeUndefined();
    }
  });
});
