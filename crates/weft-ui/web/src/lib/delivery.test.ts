import { expect, test } from "vitest";
import type { Delivery } from "../api/types";
import { lastOf, stateOf, untilDue } from "./delivery";

const NOW = Date.parse("2026-11-25T19:00:00Z");
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();
const delivery = (more: Partial<Delivery>): Delivery => ({
  id: 1,
  destination: "team",
  key: "k",
  on: "failure",
  count: 1,
  dags: [],
  runs: [],
  state: "delivered",
  created: at(0),
  attempts: 1,
  ...more,
});

test("nothing is read again while nothing waits, else when the next attempt is due", () => {
  expect(untilDue([delivery({})], NOW)).toBe(false);
  const waiting = [20, 8].map((s) => delivery({ state: "waiting", due: at(s) }));
  expect(untilDue(waiting, NOW)).toBe(9000);
  expect(untilDue([delivery({ state: "waiting", due: at(-2) })], NOW)).toBe(1000);
});

test("the outcome of an attempt that may be under way is asked for less and less often", () => {
  const sent = (seconds: number) => delivery({ state: "waiting", due: at(55), last_attempt: at(-seconds) });
  expect([0, 1, 4, 16, 40].map((s) => untilDue([sent(s)], NOW))).toEqual([1000, 1000, 4000, 16_000, 56_000]);
});

test("what is long overdue is asked for rarely", () => {
  expect(untilDue([delivery({ state: "waiting", due: at(-60) })], NOW)).toBe(5000);
});

test("a delivery that failed once is being retried", () => {
  expect(stateOf({ state: "waiting", attempts: 0 }).label).toBe("Waiting");
  expect(stateOf({ state: "waiting", attempts: 1 }).label).toBe("Waiting");
  expect(stateOf({ state: "waiting", attempts: 1, error: "refused" }).label).toBe("Retrying");
  expect(stateOf({ state: "given_up", attempts: 9, error: "refused" }).state).toBe("failed");
});

test("of a destination the delivery that fails is shown, else the last one that was tried", () => {
  const list = [
    delivery({ id: 5, state: "waiting", attempts: 0 }),
    delivery({ id: 4 }),
    delivery({ id: 3, state: "waiting", attempts: 2, error: "refused" }),
    delivery({ id: 2, destination: "ops", state: "given_up" }),
  ];
  expect(lastOf(list, "team")?.id).toBe(3);
  expect(lastOf(list.slice(0, 2), "team")?.id).toBe(4);
  expect(lastOf(list, "ops")?.id).toBe(2);
  expect(lastOf(list, "none")).toBeUndefined();
});
