import assert from "node:assert/strict";
import test, { mock, type TestContext } from "node:test";
import { Context, Defer } from "@weft/sdk";
import { attempt, run, RunFailed } from "@weft/sdk/testing";
import { deliveries, manifest, opened } from "../dags/deliveries.ts";

const FILES = {
  "/health": "ok",
  "/manifest.json": JSON.stringify({ files: ["north.csv", "south.csv"] }),
  "/north.csv": "order,cents\n1,1250\n2,790\n",
  "/south.csv": "order,cents\n3,2100\n",
};

/** Answers requests until the test ends. `refusals` has, by path, how many more are refused; `missing` is not there. */
function supplier(t: TestContext, { refusals = {}, missing }: { refusals?: Record<string, number>; missing?: keyof typeof FILES } = {}): Record<string, number> {
  const files: Record<string, string> = { ...FILES };
  if (missing) delete files[missing];
  const server = mock.method(globalThis, "fetch", async (url: string) => {
    const { pathname } = new URL(url);
    const left = refusals[pathname] ?? 0;
    refusals[pathname] = left - 1;
    const body = files[pathname];
    return new Response(body ?? null, { status: left > 0 ? 503 : body === undefined ? 404 : 200 });
  });
  t.after(() => server.mock.restore());
  return refusals;
}

test("a delivery is added up", async (t) => {
  supplier(t);
  const ended = await run(deliveries);
  assert.deepEqual(ended.output("manifest_there"), ["north.csv", "south.csv"]);
  assert.deepEqual(ended.output("load.total"), [
    { file: "north.csv", orders: 2, cents: 2040 },
    { file: "south.csv", orders: 1, cents: 2100 },
  ]);
  assert.equal(ended.output("report"), "2 files with 3 orders of 41.40");
});

test("the service and the manifest are waited for", async (t) => {
  const refusals = supplier(t, { refusals: { "/health": 2, "/manifest.json": 2 } });
  const ended = await run(deliveries);
  assert.equal(ended.output("report"), "2 files with 3 orders of 41.40");
  assert.deepEqual([refusals["/health"], refusals["/manifest.json"]], [-1, -1]);
});

test("a file that is missing fails alone", async (t) => {
  supplier(t, { missing: "/north.csv" });
  await assert.rejects(run(deliveries), (error) => {
    assert.ok(error instanceof RunFailed);
    const states = error.result.instances.get("load.total")!.map(({ state }) => state);
    assert.deepEqual(states, ["upstream_failed", "success"]);
    assert.equal(error.result.states.report, "upstream_failed");
    return true;
  });
});

test("a manifest that never comes ends the wait", async (t) => {
  supplier(t, { missing: "/manifest.json" });
  assert.equal(await attempt({}, () => manifest("http://127.0.0.1:8000")), null);
  await assert.rejects(run(deliveries), /the condition does not hold after 21600 s/);
});

test("outside of the hours the window is waited for", async (t) => {
  t.mock.method(Date, "now", () => Date.parse("2026-11-26T12:00:00Z"));
  await attempt({}, () => opened.run({ opens: "08:00", closes: "13:00" }, new Context()));
  await assert.rejects(
    attempt({}, () => opened.run({ opens: "08:00", closes: "10:00" }, new Context())),
    (error) => error instanceof Defer && error.until?.toISOString() === "2026-11-27T08:00:00.000Z",
  );
});
