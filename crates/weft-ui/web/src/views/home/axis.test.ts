import { describe, expect, it } from "vitest";
import { roundUp } from "./axis";

describe("axes", () => {
  it("end at a round number", () => {
    expect([1, 4, 7, 12, 101, 999].map(roundUp)).toEqual([4, 4, 10, 20, 200, 1000]);
  });
});
