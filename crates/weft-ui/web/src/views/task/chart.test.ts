import { describe, expect, it } from "vitest";
import { seriesOf, steps } from "./chart";
import { tableOf } from "./data-table";

const of = (rows: unknown) => {
  const table = tableOf(rows);
  return table && seriesOf(table);
};

describe("charts", () => {
  it("need two rows and numbers", () => {
    expect(of([{ a: 1 }])).toBeUndefined();
    expect(of([{ a: "x" }, { a: "y" }])).toBeUndefined();
    expect(
      of([
        { store: "a", stock: 1 },
        { store: "b", stock: 2 },
      ]),
    ).toEqual({
      numbers: ["stock"],
      axes: ["store", "stock"],
    });
  });
  it("prefer dates as the axis", () => {
    expect(
      of([
        { n: 1, s: "x", day: "2026-11-25" },
        { n: 2, s: "y", day: "2026-11-26" },
      ])?.axes,
    ).toEqual(["day", "s", "n"]);
  });
  it("have round steps", () => {
    expect(steps(0, 12)).toEqual([0, 5, 10]);
    expect(steps(-1, 1)).toEqual([-1, -0.5, 0, 0.5, 1]);
  });
});
