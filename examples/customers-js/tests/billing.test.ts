import assert from "node:assert/strict";
import test from "node:test";
import { run, RunFailed } from "@weft/sdk/testing";
import { billing } from "../dags/billing.ts";

const variables = { cents_per_hour: "9000" };

test("all accounts of a customer are billed", async () => {
  const ended = await run(billing, { customer: "acme" }, { variables });
  assert.deepEqual(ended.output("accounts.bill"), [1_080_000, 405_000]);
  assert.equal(ended.output("mail"), "acme: 14850.00 are due");
  assert.equal(ended.states["accounts.close_session"], "success");
});

test("nothing is billed where nothing is due", async () => {
  const { states } = await run(billing, { customer: "initech" }, { variables });
  const skipped = ["accounts.open_session", "accounts.bill", "accounts.close_session", "total", "mail"];
  assert.deepEqual(skipped.map((task) => states[task]), skipped.map(() => "skipped"));
});

test("sessions are closed where the bill failed", async () => {
  await assert.rejects(run(billing, { customer: "acme" }), (error) => {
    assert.ok(error instanceof RunFailed);
    const { instances, states } = error.result;
    assert.deepEqual(instances.get("accounts.bill")!.map(({ attempts }) => attempts), [2, 2]);
    assert.equal(states["accounts.close_session"], "success");
    assert.deepEqual([states.total, states.mail], ["upstream_failed", "upstream_failed"]);
    return true;
  });
});

test("an unknown customer fails", async () => {
  await assert.rejects(run(billing, { customer: "hooli" }, { variables }), /there is no customer 'hooli'; there are acme, globex, initech/);
});

test("the document says how its runs are limited", () => {
  const document = billing.document();
  assert.deepEqual([document.concurrency_key, document.max_active_runs_per_key], ["{{ params.customer }}", 1]);
  assert.equal(document.priority_rule, "inherited");
  assert.equal((document.tasks as Record<string, Record<string, unknown>>).mail!.latest_only, true);
});
