import assert from "node:assert/strict";
import test from "node:test";
import { run } from "@weft/sdk/testing";
import { loadOrders, ORDERS, REPORT, reportOrders } from "../dags/orders.ts";

const logicalDate = new Date("2026-11-26T05:00:00Z");

test("a day is loaded, and reported", async () => {
  const loaded = await run(loadOrders, {}, { logicalDate });
  assert.equal(loaded.output("load"), 3);
  assert.deepEqual(loaded.assets[ORDERS]![0]!.metadata, { rows: 3, cents: 4140 });
  const reported = await run(reportOrders, { assets: loaded.assets });
  assert.equal(reported.output("report"), "2026-11-26: 3 orders of 41.40");
  assert.equal(reported.assets[REPORT]!.length, 1);
});

test("without updates there is nothing to report", async () => {
  const reported = await run(reportOrders);
  assert.equal(reported.states.report, "skipped");
  assert.deepEqual(reported.assets, {});
});
