/** Sensors, with a clock and a web that the tests replace. */

import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { Context, dag, Defer, Fail, task } from "@weft/sdk";
import { assetUpdated, httpReady, objectExists, otherDag, type SensorOptions, timeWindow, waitUntil } from "@weft/sdk/sensors";
import { attempt, type AttemptOptions, run } from "@weft/sdk/testing";

/** How a sensor defers. */
async function deferral(wait: (context: Context) => unknown, options: AttemptOptions = {}): Promise<Defer> {
  try {
    await attempt(options, async () => void (await wait(new Context())));
  } catch (error) {
    if (error instanceof Defer) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: "it did not defer" });
}

/** Runs the body at a point in time that does not pass. */
async function at(time: string, body: () => Promise<void>): Promise<void> {
  const clock = mock.method(Date, "now", () => Date.parse(`2026-03-05T${time}:00Z`));
  try {
    await body();
  } finally {
    clock.mock.restore();
  }
}

test("a condition is checked until it holds, and its value returned", async () => {
  let checks = 0;
  const wait = task(async function wait(_: {}, context: Context) {
    return await waitUntil(context, async () => (++checks === 3 ? ["found"] : null), { every: 30 });
  });
  const result = await run(dag(function waiting() { wait(); }));
  assert.deepEqual(result.output("wait"), ["found"]);
  assert.equal(checks, 3);
});

test("each wait is longer than the one before, and the last ends with the timeout", async () => {
  const waits: (number | undefined)[] = [];
  let resumed: unknown = null;
  const check = (context: Context) => waitUntil(context, () => false, { every: 10, backoff: 2, maxEvery: 35, timeout: 100 });
  await at("12:00", async () => {
    for (let count = 0; count < 4; count++) {
      const defer = await deferral(check, { resumed });
      waits.push(defer.afterMs);
      resumed = defer.state;
    }
    const message = "the condition does not hold after 100 s and 5 checks";
    await assert.rejects(deferral(check, { resumed }), { name: "Fail", message });
  });
  assert.deepEqual(waits, [10_000, 20_000, 35_000, 35_000]);
});

test("the time that passed counts, whatever the waits were", async () => {
  const check = (context: Context) => waitUntil(context, () => false, { every: 120, timeout: 3600 });
  let state: unknown;
  await at("12:00", async () => void (state = (await deferral(check)).state));
  await at("12:59", async () => assert.equal((await deferral(check, { resumed: state })).afterMs, 60_000));
  await at("13:00", async () => assert.rejects(deferral(check, { resumed: state }), Fail));
});

test("intervals that are none are refused before the check", async () => {
  const cases: [options: SensorOptions, words: RegExp][] = [
    [{ every: 0 }, /`every` is longer than 0/],
    [{ backoff: 0.5 }, /`backoff` is at least 1, not 0.5/],
    [{ timeout: -1 }, /can't be negative/],
  ];
  for (const [options, words] of cases) {
    await assert.rejects(deferral((context) => waitUntil(context, () => assert.fail("it was checked"), options)), words);
  }
});

/** The web, with one answer after the other: a status, or an error. */
function web(answers: (number | Error)[]): { requests: [method: string, accept: string | null][]; restore: () => void } {
  const requests: [string, string | null][] = [];
  const fetched = mock.method(globalThis, "fetch", async (_url: string, init: RequestInit) => {
    requests.push([init.method!, new Headers(init.headers).get("accept")]);
    const answer = answers.shift()!;
    if (answer instanceof Error) throw answer;
    return new Response(null, { status: answer });
  });
  return { requests, restore: () => fetched.mock.restore() };
}

test("a URL is asked until it answers with success", async () => {
  const { requests, restore } = web([503, new TypeError("connection refused"), 302, 204]);
  const wait = task(async function wait(_: {}, context: Context) {
    await httpReady(context, "https://api.example.org/ready?key=1", { headers: { accept: "text/plain" }, every: 5 });
  });
  const result = await run(dag(function webReady() { wait(); }));
  restore();
  assert.deepEqual(result.states, { wait: "success" });
  assert.deepEqual(requests, Array(4).fill(["GET", "text/plain"]));
  const lines = result.log.map(({ message }) => message);
  assert.deepEqual(lines, [
    "GET https://api.example.org/ready answered 503",
    "GET https://api.example.org/ready: connection refused",
    "GET https://api.example.org/ready answered 302",
  ]);
});

test("a host that was not granted fails at once", async () => {
  const { restore } = web([new TypeError("fetch failed", { cause: new Fail("the request was denied") })]);
  await assert.rejects(deferral((context) => httpReady(context, "https://api.example.org")), /fetch failed/);
  restore();
});

test("an object is asked for by its head", async () => {
  const { requests, restore } = web([404, 200]);
  const check = (context: Context) => objectExists(context, "https://store.example.org/o?sig=1", { every: 5 });
  const defer = await deferral(check);
  assert.equal(defer.afterMs, 5000);
  await attempt({ resumed: defer.state }, () => check(new Context()));
  restore();
  assert.deepEqual(requests.map(([method]) => method), ["HEAD", "HEAD"]);
});

test("a window of the day is waited for", async () => {
  const cases: [now: string, start: string, end: string, until: string | null][] = [
    ["12:00", "09:00", "17:00", null],
    ["09:00", "09:00", "17:00", null],
    ["17:00", "09:00", "17:00", "2026-03-06T09:00:00.000Z"],
    ["03:00", "09:00", "17:00", "2026-03-05T09:00:00.000Z"],
    ["23:00", "22:00", "06:00", null],
    ["05:59", "22:00", "06:00", null],
    ["06:00", "22:00", "06:00", "2026-03-05T22:00:00.000Z"],
  ];
  for (const [now, start, end, until] of cases) {
    await at(now, async () => {
      const wait = (context: Context) => timeWindow(context, start, end);
      if (until === null) await attempt({}, () => wait(new Context()));
      else assert.equal((await deferral(wait)).until?.toISOString(), until);
    });
  }
  await assert.rejects(deferral((context) => timeWindow(context, "9 am", "17:00")), /`start` is a time of day such as "22:00", not "9 am"/);
  await assert.rejects(deferral((context) => timeWindow(context, "09:00", "24:00")), /`end` is a time of day/);
  await assert.rejects(deferral((context) => timeWindow(context, "09:00", "09:00")), /is empty/);
});

test("the run of another DAG is waited for", async () => {
  const wait = task(function wait(_: {}, context: Context) {
    return otherDag(context, "daily", { timeout: 60 });
  });
  const waiting = dag(function following() { wait(); });
  assert.equal((await run(waiting, {}, { runs: { daily: { run: "0000000000007" } } })).output("wait"), "0000000000007");
  await assert.rejects(run(waiting, {}, { runs: { daily: { state: "failed" } } }), /run test-daily of DAG daily ended as failed/);
  await assert.rejects(run(waiting), /did not end in time/);
  const date = new Date("2026-01-01");
  assert.deepEqual((await deferral((context) => otherDag(context, "daily"), { logicalDate: date })).logicalDate, date);
  const other = new Date("2026-02-01");
  assert.deepEqual((await deferral((context) => otherDag(context, "daily", { logicalDate: other }))).logicalDate, other);
});

test("a task of another DAG's run is waited for", async () => {
  const wait = task(function wait(_: {}, context: Context) {
    return otherDag(context, "daily", { task: "load", timeout: 60 });
  });
  const waiting = dag(function followingATask() { wait(); });
  const ends = (load: "success" | "skipped" | "missing") => ({ runs: { daily: { run: "0000000000007", tasks: { load } } } });
  assert.equal((await run(waiting, {}, ends("success"))).output("wait"), "0000000000007");
  await assert.rejects(run(waiting, {}, ends("skipped")), /task load of run 0000000000007 of DAG daily ended as skipped/);
  await assert.rejects(run(waiting, {}, ends("missing")), /there is no task load of run 0000000000007 of DAG daily/);
  await assert.rejects(run(waiting, {}, { runs: { daily: {} } }), /task load of DAG daily did not end in time/);
  const date = new Date("2026-01-01");
  const defer = await deferral((context) => otherDag(context, "daily", { task: "load" }), { logicalDate: date });
  assert.deepEqual([defer.dag, defer.logicalDate, defer.task, defer.timeoutMs], ["daily", date, "load", undefined]);
});

test("an update of an asset is waited for", async () => {
  const since = new Date("2026-11-01T00:00:00Z");
  const wait = task(function wait(_: {}, context: Context) {
    const { asset, partition, metadata, at, run } = assetUpdated(context, "orders", { partition: "2026-11-01", since, timeout: 60 });
    return [asset, partition ?? null, metadata ?? null, at, run ?? null];
  });
  const waiting = dag(function readingOrders() { wait(); });
  const orders = { partition: "2026-11-01", metadata: { rows: 3 }, at: "2026-11-01T02:03:04Z", run: "0000000000007" };
  assert.deepEqual((await run(waiting, {}, { assets: { orders } })).output("wait"), [
    "orders",
    "2026-11-01",
    { rows: 3 },
    "2026-11-01T02:03:04.000Z",
    "0000000000007",
  ]);
  await assert.rejects(run(waiting), /the partition 2026-11-01 of the asset orders was not updated in time/);
  await assert.rejects(deferral((context) => assetUpdated(context, "orders"), { timedOut: true }), { name: "Fail", message: "the asset orders was not updated in time" });
  await assert.rejects(deferral((context) => assetUpdated(context, "orders"), { run: {} }), /woken by something else than an update of the asset orders/);
  const defer = await deferral((context) => assetUpdated(context, "orders", { since, timeout: 60 }));
  assert.deepEqual([defer.asset, defer.partition, defer.since, defer.timeoutMs], ["orders", undefined, since, 60_000]);
});
