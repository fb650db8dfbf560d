import { describe, expect, it } from "vitest";
import { created } from "./created";

const NOW = Date.UTC(2026, 10, 23, 12, 0, 30);

describe("times of creation", () => {
  it("are the last hours", () => {
    expect(created("24h", "", "", "UTC", NOW)).toEqual({ from: "2026-11-22T12:00:00.000Z" });
    expect(created("", "2026-11-01", "", "UTC", NOW)).toEqual({});
  });

  it("are a range, of which an end may be open or not yet written", () => {
    expect(created("range", "2026-11-01", "2026-11-02 06:00", "Europe/Berlin", NOW)).toEqual({
      from: "2026-10-31T23:00:00.000Z",
      before: "2026-11-02T05:00:00.000Z",
    });
    expect(created("range", "2026-11", "", "UTC", NOW)).toEqual({ from: undefined, before: undefined });
  });
});
