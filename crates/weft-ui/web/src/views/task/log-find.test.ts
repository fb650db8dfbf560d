import { describe, expect, it } from "vitest";
import { absolute, lowerBound } from "./log-find";

describe("what a search found", () => {
  it("is sent as differences", () => {
    expect(absolute([1234, 11106, 1, 1])).toEqual([1234, 12340, 12341, 12342]);
    expect(absolute([])).toEqual([]);
  });
  it("has a place for each line", () => {
    expect(lowerBound([2, 5, 9], 5)).toBe(1);
    expect(lowerBound([2, 5, 9], 6)).toBe(2);
    expect(lowerBound([2, 5, 9], 10)).toBe(3);
    expect(lowerBound([], 1)).toBe(0);
  });
});
