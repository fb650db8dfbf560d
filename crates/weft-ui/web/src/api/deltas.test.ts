import { QueryClient, type QueryKey, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { NO_COUNTS } from "../state/states";
import { applyEvents, Soon } from "./deltas";

const RUN = "run1";
const ended = [
  {
    type: "run",
    data: JSON.stringify({ run: RUN, dag: "orders", state: "failed", counts: NO_COUNTS, started: "s", ended: "e" }),
  },
];

/** What is shown of a query whose reads take so long, and answer with what was so when they began. */
function watched(cache: QueryClient, queryKey: QueryKey, ms: number, now: () => unknown): QueryObserver {
  const queryFn = async () => {
    const answer = now();
    await new Promise((resolve) => setTimeout(resolve, ms));
    return answer;
  };
  const observer = new QueryObserver(cache, { queryKey, queryFn, staleTime: Number.POSITIVE_INFINITY });
  observer.subscribe(() => {});
  return observer;
}

describe("a change that comes during a read", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  for (const ms of [50, 1000]) {
    for (const key of [
      ["run", RUN],
      ["runs", "all"],
      ["grid", "orders"],
    ]) {
      it(`is shown by ${key[0]} after a first read of ${ms} ms`, async () => {
        const cache = new QueryClient();
        let state = "running";
        const shown = watched(cache, key, ms, () => ({ id: RUN, state }));
        await vi.advanceTimersByTimeAsync(ms / 2);
        state = "failed";
        applyEvents(cache, new Soon(cache), ended);
        await vi.advanceTimersByTimeAsync(10_000);
        expect(shown.getCurrentResult().data).toEqual({ id: RUN, state });
      });
    }
  }

  it("is not undone by a read that began before it", async () => {
    const cache = new QueryClient();
    let state = "queued";
    const shown = watched(cache, ["run", RUN], 50, () => ({ id: RUN, state }));
    await vi.advanceTimersByTimeAsync(100);
    state = "running";
    void cache.invalidateQueries({ queryKey: ["run", RUN] });
    await vi.advanceTimersByTimeAsync(10);
    state = "failed";
    applyEvents(cache, new Soon(cache), ended);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(shown.getCurrentResult().data).toMatchObject({ state });
  });
});
