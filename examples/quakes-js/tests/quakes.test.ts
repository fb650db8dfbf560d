import assert from "node:assert/strict";
import test from "node:test";
import { Retry } from "@weft/sdk";
import { attempt, run, RunFailed } from "@weft/sdk/testing";
import { feed, quakes } from "../dags/quakes.ts";

test("a server that is down is tried again", async () => {
  await assert.rejects(
    attempt({ tryNumber: 1 }, () => feed.run({ outage: 1 })),
    Retry,
  );
  const events = await attempt({ tryNumber: 2 }, () => feed.run({ outage: 1 }));
  assert.equal(events.length, 1707);
});

test("the threshold decides which notice is written", async () => {
  const calm = await run(quakes);
  assert.equal(calm.states.alert, "skipped");
  assert.equal((calm.output("report") as { notice: string }).notice, "No earthquake reached magnitude 7.0.");
  assert.equal((calm.output("world") as { regions: number }).regions, 71);
  const alarmed = await run(quakes, { threshold: 6 });
  assert.equal(alarmed.states.all_clear, "skipped");
});

test("a feed that stays down fails the run", async () => {
  await assert.rejects(run(quakes, { outage: 9 }), (error) => error instanceof RunFailed && error.message.includes("503"));
});
