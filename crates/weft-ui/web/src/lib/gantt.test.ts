import { describe, expect, it } from "vitest";
import type { AttemptBar } from "../api/shapes";
import { bar, segments, ticks } from "./gantt";

const at = (s: number) => new Date(s * 1000).toISOString();
const attempt = (index: number, number: number, state: string, q: number, s: number, e?: number): AttemptBar => ({
  task: "t",
  index,
  number,
  state,
  queued: at(q),
  started: at(s),
  ended: e === undefined ? null : at(e),
});
const kinds = (list: { kind: string; from: number; to: number }[]) =>
  list.map((s) => `${s.kind} ${s.from / 1000}-${s.to / 1000}`);

describe("bars", () => {
  it("split into waited, ran, retried", () => {
    expect(kinds(segments([attempt(0, 1, "failed", 0, 2, 5), attempt(0, 2, "success", 8, 9, 12)], 0))).toEqual([
      "wait 0-2",
      "retried 2-5",
      "wait 8-9",
      "ran 9-12",
    ]);
  });
  it("end now while they run", () => {
    expect(kinds(segments([attempt(0, 1, "running", 0, 1)], 7000))).toEqual(["wait 0-1", "running 1-7"]);
  });
  it("never merge a failure away", () => {
    const many = [
      ...Array.from({ length: 50 }, (_, i) => attempt(i, 1, "success", i, i + 1, i + 2)),
      attempt(50, 1, "failed", 20, 21, 21.001),
    ];
    const made = bar(many, 0, 10_000);
    expect(made?.segments.at(-1)).toMatchObject({ kind: "failed", from: 21_000 });
    expect(made?.segments.filter((s) => s.kind === "ran")).toHaveLength(1);
  });
});

describe("axes", () => {
  it("have round ticks that fit", () => {
    expect(ticks(0, 3_600_000, 600).map((t) => t.at / 60_000)).toEqual([0, 10, 20, 30, 40, 50, 60]);
  });
});
