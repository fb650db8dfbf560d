import { describe, expect, it } from "vitest";
import { decode, encode, put } from "./rle";

describe("run-length columns", () => {
  it("come back as they were", () => {
    const codes = Uint8Array.from([8, 8, 8, 9, 0, 0, 5]);
    expect(encode(codes)).toEqual([8, 3, 9, 1, 0, 2, 5, 1]);
    expect(decode(encode(codes), 7)).toEqual(codes);
  });
  it("never run past the rows, and rows that are missing are absent", () => {
    expect([...decode([8, 100], 3)]).toEqual([8, 8, 8]);
    expect([...decode([8, 1], 3)]).toEqual([8, 0, 0]);
    expect([...decode([8], 2)]).toEqual([0, 0]);
  });
  it("take a change of one row", () => {
    expect(put([1, 4], 4, 2, 5)).toEqual([1, 2, 5, 1, 1, 1]);
    expect(put([1, 4], 4, 9, 5)).toEqual([1, 4]);
  });
});
