import assert from "node:assert/strict";
import test from "node:test";
import { run, RunFailed } from "@weft/sdk/testing";
import { BOOKED, closeBooks, monthEnd } from "../dags/month-end.ts";

const total = Object.values(BOOKED).reduce((sum, cents) => sum + cents, 0);
const runs = { close_books: { outputs: { closing: total / 3 } } };
const events = { statement: { cents: total } };

test("the books of a region are closed", async () => {
  const closed = await run(closeBooks, { region: "south" });
  assert.equal(closed.output("closing"), BOOKED.south);
  await assert.rejects(run(closeBooks, { region: "east" }), /there is no region east; there are north, south, west/);
});

test("a month that is approved is reported", async () => {
  const approve = { option: "approve", by: "ada", fields: { reason: "rounding" } };
  const ended = await run(monthEnd, {}, { runs, events, approvals: { approve } });
  assert.equal(ended.output("compare"), 0);
  assert.match(ended.output("report") as string, /: rounding$/);
  assert.equal(ended.states.tidy_up, "success");
});

test("a month that is not approved is tidied up all the same", async () => {
  const ended = await run(monthEnd, {}, { runs, events });
  assert.deepEqual([ended.states.approve, ended.states.report, ended.states.tidy_up], ["skipped", "skipped", "success"]);
});

test("a call that is refused fails its task", async () => {
  const refused = { close_books: { error: { code: "dag_paused", message: "the DAG is paused" } } };
  const failed = (error: unknown) => error instanceof RunFailed && error.message.includes("the DAG is paused");
  await assert.rejects(run(monthEnd, {}, { runs: refused, events }), failed);
});
