import assert from "node:assert/strict";
import test from "node:test";
import { Artifact, branch, chain, Context, dag, Defer, each, type Element, type DeferOptions, Fail, log, Retry, Skip, task, teardownOf, variable, Woken } from "@weft/sdk";
import { attempt, type AttemptOptions, run, type RunEnd, RunFailed } from "@weft/sdk/testing";
import { run as attemptOf } from "../src/attempt.js";

const list = task(async function list() {
  await new Promise((resolve) => setTimeout(resolve, 1));
  return [1, 2, 3];
});
const double = task(function double({ x }: { x: number }, context: Context) {
  log.info("doubling", { index: context.mapIndex });
  return 2 * x;
});
const sum = task(function sum({ all }: { all: number[] }) {
  return all.reduce((one, other) => one + other, 0);
});

test("a run goes through every task, mapped ones once for each element", async () => {
  const made = dag({ id: "sums", params: { first: 10 } }, ({ first }) => {
    const doubled = double.expand({ x: list() });
    sum({ all: doubled });
    sum.with({ id: "more" })({ all: [first, 1] });
  });
  const result = await run(made, { first: 20 });
  assert.deepEqual(result.output("double"), [2, 4, 6]);
  assert.equal(result.output("sum"), 12);
  assert.equal(result.output("more"), 21);
  assert.deepEqual(result.log[2], { task: "double", level: "info", message: "doubling", fields: { index: "2" } });
  await assert.rejects(run(made, { second: 1 }), /has no parameter "second"/);
});

test("a branch leaves out what it did not choose, and what hangs on it alone", async () => {
  const [left, right, after] = ["left", "right", "after"].map((id) => task({ id }, () => id));
  const choose = branch(function choose() {
    return left!;
  });
  const join = task({ triggerRule: "none_failed_min_one_success" }, function join({ one, other }: { one: string | null; other: string | null }) {
    return [one, other];
  });
  const result = await run(
    dag(function branches() {
      const [one, other] = [left!(), right!()];
      chain(choose(), [one, other]);
      chain(other, after!());
      join({ one, other });
    }),
  );
  assert.deepEqual(result.states, { choose: "success", left: "success", right: "skipped", after: "skipped", join: "success" });
  assert.deepEqual(result.output("join"), ["left", null]);
  const wrong = branch(function wrong() {
    return "nowhere";
  });
  await assert.rejects(run(dag(function choosing() { wrong(); })), /chose "nowhere", which is none of its direct downstreams/);
});

test("lists of which the elements go together make an instance of each position", async () => {
  const product = task(function product({ x, y, z }: { x: number; y: number; z: number }) {
    return x * y * z;
  });
  const made = dag({ id: "zips", params: { other: [10, 20, 30] } }, ({ other }) => {
    product.zip({ x: list(), y: other }, { z: 2 });
  });
  assert.deepEqual((await run(made)).output("product"), [20, 80, 180]);
  await assert.rejects(run(made, { other: [1] }), /"x" \(3\) and "y" \(1\) go together and must have one length/);
});

test("instances get parts of elements, and no input where there is no such part", async () => {
  interface Row {
    id: number;
    active?: boolean | null;
    note?: string | null;
    deep?: { size: number } | null;
  }
  const rows = task(function rows(): Row[] {
    return [
      { id: 1, active: true, note: "a", deep: { size: 3 } },
      { id: 2, active: false, note: "b" },
      { id: 3, note: "c" },
      { id: 4, active: null },
      { id: 5, active: true, deep: null },
      { id: 6, active: true, note: null },
    ];
  });
  const load = task({ types: { inputs: { size: { type: "number" } } } }, function load(inputs: { id?: number; note?: string | null; size?: number; day: string }) {
    const { id, note = "none", day } = inputs;
    return [id ?? 0, note, day, Object.keys(inputs).sort().join()];
  });
  const whole = task(function whole({ row }: { row: Row }) {
    return row.id;
  });
  const made = dag({ id: "parts", params: { day: "monday", list: [{ x: 0 }, { x: 1 }] } }, ({ day, list }) => {
    const all = rows();
    const active = { filter: (row: { active: Element<boolean | null | undefined> }) => row.active };
    load.expand({ note: each(all, (row) => row.note) }, { day });
    load.with({ id: "zipped" }).zip({ id: each(all, (row) => row.id, active), size: each(all, (row) => row.deep.size, active) }, { day });
    whole.expand({ row: each(all, active) });
    load.with({ id: "combined" }).expand({ id: each(list, (one) => one.x), day: each([{ d: "a" }, { d: "b" }], (one) => one.d) });
    whole.with({ id: "none" }).expand({ row: each(all, { filter: (row) => row.deep.size }) });
    load.with({ id: "empty" }).expand({ id: each(list, (one) => one.x, { filter: (one) => (one as unknown as { y: typeof one }).y }) } as never, { day });
  });
  const result = await run(made);
  assert.deepEqual(result.output("load"), [
    [0, "a", "monday", "day,note"],
    [0, "b", "monday", "day,note"],
    [0, "c", "monday", "day,note"],
    [0, "none", "monday", "day"],
    [0, "none", "monday", "day"],
    [0, null, "monday", "day,note"],
  ]);
  assert.deepEqual(result.output("zipped"), [
    [1, "none", "monday", "day,id,size"],
    [5, "none", "monday", "day,id"],
    [6, "none", "monday", "day,id"],
  ]);
  assert.deepEqual(result.output("whole"), [1, 5, 6]);
  assert.deepEqual(result.output("combined"), [
    [0, "none", "a", "day,id"],
    [0, "none", "b", "day,id"],
    [1, "none", "a", "day,id"],
    [1, "none", "b", "day,id"],
  ]);
  assert.deepEqual(result.output("none"), [1]);
  assert.equal(result.states.empty, "skipped");
});

test("lists are zipped as their filters leave them", async () => {
  const pair = task(function pair({ x, y }: { x: { id: number }; y: number }) {
    return [x.id, y];
  });
  const made = dag({ id: "filtered", params: { rows: [{ id: 1, on: true }, { id: 2, on: false }, { id: 3, on: true }], other: [7, 8] } }, ({ rows, other }) => {
    pair.zip({ x: each(rows, { filter: (row) => row.on }), y: other });
  });
  assert.deepEqual((await run(made)).output("pair"), [[1, 7], [3, 8]]);
  await assert.rejects(run(made, { other: [1, 2, 3] }), /"x" \(2\) and "y" \(3\) go together and must have one length/);
});

test("a teardown runs whatever happened if a setup succeeded", async () => {
  const create = task(function create({ how }: { how: string }) {
    if (how === "fails") throw new Error("no cluster");
    if (how === "skips") throw new Skip();
    return how;
  });
  const work = task(function work({ cluster }: { cluster: string }) {
    if (cluster === "broken") throw new Error("no work");
    return cluster;
  });
  const destroy = task(function destroy({ cluster, done }: { cluster: string; done: string | null }) {
    return [cluster, done];
  });
  const made = dag({ id: "clusters", params: { how: "whole" } }, ({ how }) => {
    const cluster = create({ how });
    teardownOf(destroy({ cluster, done: work({ cluster }) }), cluster);
  });
  const failing = async (how: string) => {
    const error = await run(made, { how }).then(assert.fail, (reason: unknown) => reason);
    assert.ok(error instanceof RunFailed);
    return error.result;
  };
  assert.deepEqual((await run(made)).output("destroy"), ["whole", "whole"]);
  const broken = await failing("broken");
  assert.deepEqual(broken.states, { create: "success", work: "failed", destroy: "success" });
  assert.deepEqual(broken.output("destroy"), ["broken", null]);
  assert.equal((await failing("fails")).states.destroy, "upstream_failed");
  assert.equal((await run(made, { how: "skips" })).states.destroy, "skipped");
});

test("a teardown fails its run only where it says so", async () => {
  const destroy = task(function destroy() {
    throw new Error("no way");
  });
  const undone = (failsRun: boolean) => dag({ id: `undone-${failsRun}` }, () => void teardownOf(destroy(), list(), { failsRun }));
  assert.deepEqual((await run(undone(false))).states, { list: "success", destroy: "failed" });
  await assert.rejects(run(undone(true)), /no way/);
});

test("only failures with the named codes are retried", async () => {
  const flaky = task({ retries: 2, retryOn: ["timeout", "author"] }, function flaky(_: {}, context: Context) {
    if (context.tryNumber < 2) throw new Retry("not yet");
  });
  assert.deepEqual((await run(dag(function some() { flaky(); }))).states, { flaky: "success" });
  await assert.rejects(run(dag(function none() { flaky.with({ retryOn: ["timeout"] })(); })), /not yet/);
});

test("endings do what they say", async () => {
  const flaky = task({ retries: 3 }, function flaky(_: {}, context: Context) {
    if (context.tryNumber < 3) throw new Retry("not yet", { after: 5 });
    return context.tryNumber;
  });
  const defers = task(function defers(_: {}, context: Context) {
    const seen = (context.resumed ?? 0) as number;
    if (seen < 2) throw new Defer({ after: 60, state: seen + 1 });
    return seen;
  });
  const skips = task(function skips() {
    throw new Skip("nothing to do");
  });
  const result = await run(dag(function endings() { flaky(); defers(); skips(); }));
  assert.equal(result.output("flaky"), 3);
  assert.equal(result.output("defers"), 2);
  assert.equal(result.instances.get("skips")![0]!.message, "nothing to do");

  const permanent = task({ retries: 5 }, function permanent() {
    throw new Error("outer", { cause: new Fail("no use") });
  });
  const error = await run(dag(function failing() { permanent(); })).then(assert.fail, (reason: unknown) => reason);
  assert.ok(error instanceof RunFailed);
  assert.equal(error.result.instances.get("permanent")![0]!.attempts, 1);
  assert.throws(() => new Defer({}), /one of/);
  assert.throws(() => new Defer({ after: 1, timeout: 2 }), /timeout/);
});

test("a task waits for an event or its timeout", async () => {
  const wait = (timeout?: number) =>
    task(function wait(_: {}, context: Context) {
      if (context.woken === null) throw new Defer({ event: "paid", ...(timeout === undefined ? {} : { timeout }), state: "asked" });
      assert.equal(context.resumed, "asked");
      return context.woken.timedOut ? "late" : context.woken.payload;
    });
  let dags = 0;
  const waiting = (timeout?: number) => {
    dags += 1;
    return dag({ id: `waiting-${dags}` }, () => void wait(timeout)());
  };
  const paid = await run(waiting(), {}, { events: { paid: { by: "ada" } } });
  assert.deepEqual(paid.output("wait"), { by: "ada" });
  assert.equal((await run(waiting(60))).output("wait"), "late");
  const error = await run(waiting()).then(assert.fail, (reason: unknown) => reason);
  assert.match((error as Error).message, /events/);
  const woken = await attempt({ event: { name: "paid", payload: 3 } }, () => new Context().woken);
  assert.deepEqual([woken?.event, woken?.payload, woken?.timedOut], ["paid", 3, false]);
});

const date = new Date("2026-01-01T00:00:00Z");

test("a deferral that is none fails where it is written", () => {
  const cases: [given: object, words: RegExp][] = [
    [{ run: "0c3k5v7n9q1st", event: "paid" }, /one of `after`, `until`, `event`, `run`, `dag`, `asset`, `call` and `approval`/],
    [{ dag: "daily", logicalDate: date, call: { dag: "child" } }, /one of/],
    [{ dag: "daily" }, /`dag` and `logicalDate` go together/],
    [{ run: "0c3k5v7n9q1st", logicalDate: date }, /`dag` and `logicalDate` go together/],
    [{ call: { dag: "child" }, logicalDate: date }, /call: \{ dag, logicalDate \}/],
    [{ dag: "daily", logicalDate: "2026-01-01" }, /`logicalDate` is a Date/],
    [{ dag: "daily", logicalDate: new Date("never") }, /`logicalDate` is a Date that is a point in time/],
    [{ until: date, timeout: 1 }, /by time takes no `timeout`/],
    [{ call: { dag: "child", wait: false }, timeout: 5 }, /`wait: false` takes no `timeout`/],
    [{ call: "child" }, /an object such as \{ dag: "child"/],
    [{ call: { dag: "" } }, /an object such as/],
    [{ call: { dag: "child", params: [7] } }, /the parameters of a call are an object/],
    [{ call: { dag: "child", parameters: {} } }, /a call has no "parameters"; it has dag, params, logicalDate, wait/],
    [{ call: { dag: "child", logicalDate: 5 } }, /`logicalDate` is a Date/],
    [{ event: "paid", task: "load" }, /`task` goes with `run`, or with `dag` and `logicalDate`/],
    [{ call: { dag: "child" }, task: "load" }, /`task` goes with/],
    [{ asset: "orders", task: "load" }, /`task` goes with/],
    [{ run: "0c3k5v7n9q1st", task: "" }, /`task` is text that is not empty/],
    [{ asset: "orders", run: "0c3k5v7n9q1st" }, /one of/],
    [{ asset: "" }, /`asset` is text that is not empty/],
    [{ asset: "orders", partition: 5 }, /`partition` is text that is not empty/],
    [{ asset: "orders", since: "2026-01-01" }, /`since` is a Date/],
    [{ event: "paid", since: date }, /`partition` and `since` go with `asset`/],
    [{ run: "0c3k5v7n9q1st", partition: "x" }, /`partition` and `since` go with `asset`/],
  ];
  for (const [given, words] of cases) assert.throws(() => new Defer(given), words);
});

test("waits for runs, tasks, assets and calls are written as the contract says", async () => {
  const cases: [given: DeferOptions, control: object][] = [
    [{ run: "0c3k5v7n9q1st", timeout: 1.5, state: [1] }, { run: "0c3k5v7n9q1st", timeout_ms: 1500, state: [1] }],
    [{ dag: "daily", logicalDate: date }, { dag: "daily", logical_date: "2026-01-01T00:00:00.000Z", timeout_ms: null, state: null }],
    [{ run: "0c3k5v7n9q1st", task: "load", timeout: 5 }, { run: "0c3k5v7n9q1st", task: "load", timeout_ms: 5000, state: null }],
    [
      { dag: "daily", logicalDate: date, task: "load" },
      { dag: "daily", logical_date: "2026-01-01T00:00:00.000Z", task: "load", timeout_ms: null, state: null },
    ],
    [{ asset: "orders" }, { asset: "orders", timeout_ms: null, state: null }],
    [
      { asset: "orders", partition: "2026-01-01", since: date, timeout: 5, state: [1] },
      { asset: "orders", partition: "2026-01-01", since: "2026-01-01T00:00:00.000Z", timeout_ms: 5000, state: [1] },
    ],
    [
      { call: { dag: "child", params: { rows: 7 }, logicalDate: date }, timeout: 5 },
      { call: { dag: "child", params: { rows: 7 }, wait: true, logical_date: "2026-01-01T00:00:00.000Z" }, timeout_ms: 5000, state: null },
    ],
    [
      { approval: { subject: "Ship it?", options: ["ship", "wait"], default: "wait" }, timeout: 5 },
      { approval: { subject: "Ship it?", options: ["ship", "wait"], default: "wait" }, timeout_ms: 5000, state: null },
    ],
    [{ call: { dag: "child", wait: false } }, { call: { dag: "child", params: {}, wait: false }, timeout_ms: null, state: null }],
  ];
  for (const [index, [given, control]] of cases.entries()) {
    const made = dag({ id: `control-${index}` }, () => void task(function waits() { throw new Defer(given); })());
    const outcome = await attemptOf(made.nodes.get("waits")!, {});
    assert.deepEqual(outcome, { kind: "control", control: { kind: "defer", ...control } });
  }
  const unfit = task(function unfit() {
    throw new Defer({ call: { dag: "child", params: { rows: new Map() } } });
  });
  await assert.rejects(run(dag(function misfit() { unfit(); })), /the deferral's params\.rows: a Map can't be passed on/);
});

test("a task asks people", async () => {
  const releasing = (timeout?: number) =>
    dag({ id: `releasing-${timeout}` }, () => {
      task(function release(_: {}, { woken }: Context) {
        if (woken === null) throw new Defer({ approval: { subject: "Ship it?", default: timeout ? "reject" : undefined }, timeout });
        const { option, approved, by, fields } = woken.decision!;
        return [option, approved, by ?? null, fields];
      })();
    });
  const [endless, limited] = [releasing(), releasing(5)];
  const approved = await run(endless, {}, { approvals: { release: "approve" } });
  assert.deepEqual(approved.output("release"), ["approve", true, "test", {}]);
  const rejected = await run(endless, {}, { approvals: { release: { option: "reject", by: "ada", fields: { rows: 3 } } } });
  assert.deepEqual(rejected.output("release"), ["reject", false, "ada", { rows: 3 }]);
  const late = await run(limited);
  assert.deepEqual(late.output("release"), ["reject", false, null, {}]);
  await assert.rejects(run(endless), /for ever: add approvals: \{ "release": "approve" \}/);
  await assert.rejects(run(endless, {}, { approvals: { release: "maybe" } }), /the options are approve, reject/);
  await assert.rejects(run(endless, {}, { approvals: { other: "approve" } }), /has no such task; it has release/);
  const comment = await attempt({ approval: { option: "approve", comment: "fine" } }, () => new Context().woken?.decision?.comment);
  assert.equal(comment, "fine");
  assert.throws(() => new Defer({ approval: { subject: "a\nb" } }), /a question of one line/);
  assert.throws(() => new Defer({ approval: { subject: "Ship it?", default: "reject" } }), /after the `timeout`: give one/);
});

test("a task waits for a run", async () => {
  const byId = (timeout?: number) =>
    dag({ id: `by-id-${timeout}` }, () => {
      task(function wait(_: {}, { woken }: Context) {
        if (woken === null) throw new Defer({ run: "0c3k5v7n9q1st", timeout });
        return [woken.run ?? null, woken.dag ?? null, woken.state ?? null, woken.outputs ?? null, woken.timedOut];
      })();
    });
  const byDate = dag(function byDate() {
    task(function wait(_: {}, { woken, logicalDate }: Context) {
      if (woken === null) throw new Defer({ dag: "daily", logicalDate });
      woken.succeeded();
      return woken.run;
    })();
  });
  const [endless, limited] = [byId(), byId(5)];
  const runs = { "0c3k5v7n9q1st": { state: "cancelled" as const, outputs: { "only of": "called runs" } } };
  assert.deepEqual((await run(endless, {}, { runs })).output("wait"), ["0c3k5v7n9q1st", null, "cancelled", null, false]);
  assert.deepEqual((await run(limited)).output("wait"), [null, null, null, null, true]);
  await assert.rejects(run(endless), /for ever: add runs: \{ "0c3k5v7n9q1st": \{ state: "success" \} \}/);
  assert.equal((await run(byDate, {}, { runs: { daily: { run: "0000000000007" } } })).output("wait"), "0000000000007");
  await assert.rejects(run(byDate, {}, { runs: { daily: { state: "failed" } } }), /run test-daily of DAG daily ended as failed/);
  await assert.rejects(run(byDate, {}, { runs: { daily: { state: "missing" } } }), /there is no DAG daily, so it has no run/);
  await assert.rejects(run(byDate), /add runs: \{ "daily"/);
  const wrong: [end: object, words: RegExp][] = [
    [{ state: "done" }, /the state is one of success, failed, cancelled, missing, not "done"/],
    [{ status: "success" }, /takes an object with state/],
    [{ error: "dag_paused" }, /an error has a code and a message/],
  ];
  for (const [end, words] of wrong) await assert.rejects(run(byDate, {}, { runs: { daily: end } }), words);
});

test("a task waits for a task of another run", async () => {
  const byId = (timeout?: number) =>
    dag({ id: `task-by-id-${timeout}` }, () => {
      task(function wait(_: {}, { woken }: Context) {
        if (woken === null) throw new Defer({ run: "0c3k5v7n9q1st", task: "load", timeout });
        return [woken.run ?? null, woken.dag ?? null, woken.task ?? null, woken.state ?? null, woken.outputs ?? null, woken.timedOut];
      })();
    });
  const byDate = dag(function taskByDate() {
    task(function wait(_: {}, { woken, logicalDate }: Context) {
      if (woken === null) throw new Defer({ dag: "daily", logicalDate, task: "load" });
      return woken.succeeded();
    })();
  });
  const [endless, limited] = [byId(), byId(5)];
  const runs: Record<string, RunEnd> = { "0c3k5v7n9q1st": { state: "failed", tasks: { load: "skipped" }, outputs: { "only of": "called runs" } } };
  assert.deepEqual((await run(endless, {}, { runs })).output("wait"), ["0c3k5v7n9q1st", null, "load", "skipped", null, false]);
  const named: Record<string, RunEnd> = { daily: { run: "0c3k5v7n9q1st", tasks: { load: "cancelled" } } };
  assert.deepEqual((await run(endless, {}, { runs: named })).output("wait"), ["0c3k5v7n9q1st", "daily", "load", "cancelled", null, false]);
  assert.deepEqual((await run(limited)).output("wait"), [null, null, null, null, null, true]);
  await assert.rejects(run(endless), /for ever: add runs: \{ "0c3k5v7n9q1st": \{ tasks: \{ "load": "success" \} \} \}/);
  assert.deepEqual((await run(byDate, {}, { runs: { daily: { state: "failed", tasks: { load: "success" } } } })).output("wait"), {});
  const cases: [end: object, words: RegExp][] = [
    [{ tasks: { load: "failed" } }, /task load of run test-daily of DAG daily ended as failed/],
    [{ tasks: { load: "skipped" } }, /task load of run test-daily of DAG daily ended as skipped/],
    [{ tasks: { load: "missing" } }, /there is no task load of run test-daily of DAG daily/],
    [{ state: "missing" }, /there is no task load of DAG daily/],
    [{ tasks: { other: "success" } }, /for ever: add runs: \{ "daily": \{ tasks: \{ "load": "success" \} \} \}/],
    [{ tasks: { load: "done" } }, /the state of the task load is one of success, failed, skipped, cancelled, missing, not "done"/],
  ];
  for (const [end, words] of cases) await assert.rejects(run(byDate, {}, { runs: { daily: end } }), words);
});

test("a task waits for an update of an asset", async () => {
  const since = new Date("2026-11-01T00:00:00Z");
  const waiting = (id: string, options: DeferOptions) =>
    dag({ id }, () => {
      task(function wait(_: {}, { woken }: Context) {
        if (woken === null) throw new Defer({ asset: "orders", ...options });
        return { ...woken.update, timedOut: woken.timedOut };
      })();
    });
  const plain = waiting("any-update", {});
  const narrowed = waiting("narrowed-update", { partition: "2026-11-01", since });
  const limited = waiting("limited-update", { partition: "2026-11-01", since, timeout: 5 });
  const update = (await run(plain, {}, { assets: { orders: { metadata: { rows: 3 } } } })).output("wait") as { at: string };
  assert.deepEqual(update, { asset: "orders", metadata: { rows: 3 }, at: update.at, timedOut: false });
  assert.ok(Math.abs(Date.parse(update.at) - Date.now()) < 60_000);
  const recorded = { partition: "2026-11-01", at: "2026-11-01T02:03:04.000Z", run: "test" };
  assert.deepEqual((await run(narrowed, {}, { assets: { orders: recorded } })).output("wait"), { asset: "orders", ...recorded, timedOut: false });
  const several = [{ partition: "2026-11-02" }, { partition: "2026-11-01", at: "2026-10-31T23:59:59Z" }, recorded];
  assert.deepEqual((await run(narrowed, {}, { assets: { orders: several } })).output("wait"), { asset: "orders", ...recorded, timedOut: false });
  for (const orders of [{}, [], { partition: "2026-11-02" }, { partition: "2026-11-01", at: new Date("2026-10-31T23:59:59Z") }]) {
    assert.deepEqual((await run(limited, {}, { assets: { orders } })).output("wait"), { timedOut: true });
  }
  await assert.rejects(run(plain), /for ever: add assets: \{ "orders": \{\} \}/);
  await assert.rejects(run(narrowed), /for ever: add assets: \{ "orders": \{ partition: "2026-11-01" \} \}/);
  const wrong: [update: object, words: RegExp][] = [
    [{ rows: 3 }, /assets: \{ "orders": ... \} takes an object with partition, metadata, at, or run/],
    [{ at: "yesterday" }, /`at` is a point in time, not "yesterday"/],
  ];
  for (const [orders, words] of wrong) await assert.rejects(run(plain, {}, { assets: { orders } }), words);
});

test("a task calls a DAG and gets its outputs", async () => {
  const attempts: number[] = [];
  const calling = (timeout?: number) =>
    dag({ id: `calling-${timeout}` }, () => {
      task({ grants: { dags: ["child"] }, retries: 1 }, function parent(_: {}, { woken, resumed, tryNumber }: Context) {
        attempts.push(tryNumber);
        if (woken === null) throw new Defer({ call: { dag: "child", params: { rows: 7 } }, timeout, state: "called" });
        if (tryNumber === 1) throw new Retry("the state and the end of the wait remain");
        return [resumed, woken.output("report"), woken.succeeded()];
      })();
    });
  const [endless, limited] = [calling(), calling(5)];
  const outputs = { report: { rows: 7 } };
  const called = await run(endless, {}, { runs: { child: { outputs } } });
  assert.deepEqual(called.output("parent"), ["called", { rows: 7 }, outputs]);
  assert.deepEqual(attempts, [1, 1, 2]);
  const cases: [runs: Record<string, RunEnd>, words: RegExp][] = [
    [{ child: { outputs: { other: 1 } } }, /run test-child of DAG child has no output of "report".*: other/],
    [{ child: {} }, /run test-child of DAG child left no outputs/],
    [{ child: { state: "cancelled" } }, /run test-child of DAG child ended as cancelled/],
    [{ child: { error: { code: "dag_paused", message: "DAG child is paused" } } }, /the call was refused: DAG child is paused \(dag_paused\)/],
    [{}, /for ever: add runs: \{ "child": \{ state: "success", outputs: ... \} \}/],
  ];
  for (const [runs, words] of cases) await assert.rejects(run(endless, {}, { runs }), words);
  await assert.rejects(run(limited), /the run did not end in time/);
});

test("a call needs a grant in a test too", async () => {
  const ungranted = task(function ungranted(_: {}, { woken }: Context) {
    if (woken === null) throw new Defer({ call: { dag: "child" } });
    return woken.errorCode;
  });
  const made = dag(function calling() { ungranted(); });
  assert.equal((await run(made, {}, { runs: { child: {} } })).output("ungranted"), "not_granted");
});

test("a detached call goes on at once and may be waited for later", async () => {
  const parent = task({ grants: { dags: ["child"] } }, function parent(_: {}, { woken, resumed }: Context) {
    if (woken === null) throw new Defer({ call: { dag: "child", wait: false } });
    if (woken.state === "queued") throw new Defer({ run: woken.run, state: [woken.dag, woken.outputs ?? null] });
    return [...(resumed as unknown[]), woken.dag, woken.state];
  });
  const made = dag(function starting() { parent(); });
  const result = await run(made, {}, { runs: { child: { state: "failed", outputs: { a: 1 } } } });
  assert.deepEqual(result.output("parent"), ["child", null, "child", "failed"]);
  const { tasks } = made.document() as { tasks: Record<string, { grants: unknown }> };
  assert.deepEqual(tasks.parent!.grants, { dags: ["child"] });
});

test("a single task is woken by what a test names", async () => {
  const woken = async (options: AttemptOptions) => (await attempt(options, () => new Context().woken))!;
  const ended = await woken({ run: { dag: "child", outputs: { report: 3 } } });
  assert.deepEqual([ended.run, ended.dag, ended.state, ended.output("report")], ["test", "child", "success", 3]);
  const skipped = await woken({ run: { dag: "daily", task: "load", state: "skipped" } });
  assert.deepEqual([skipped.dag, skipped.task, skipped.state], ["daily", "load", "skipped"]);
  const updated = await woken({ update: { asset: "orders", at: date, metadata: { rows: 3 } } });
  assert.deepEqual({ ...updated.update }, { asset: "orders", partition: undefined, metadata: { rows: 3 }, at: date, run: undefined });
  const refused = await woken({ callRefused: { code: "call_loop", message: "child calls parent" } });
  assert.deepEqual([refused.errorCode, refused.error, refused.state], ["call_loop", "child calls parent", undefined]);
  const cases: [end: Woken, words: RegExp][] = [
    [refused, /the call was refused: child calls parent/],
    [await woken({ run: { state: "missing" } }), /there is no run test/],
    [await woken({ run: { state: "queued" } }), /still queued/],
    [skipped, /task load of run test of DAG daily ended as skipped/],
    [await woken({ run: { task: "load", state: "missing" } }), /there is no task load of run test$/],
    [updated, /by an update of the asset orders, not by a run/],
    [await woken({ timedOut: true }), /did not end in time/],
    [await woken({ event: { name: "paid" } }), /by the event "paid", not by a run/],
    [new Woken({ command: true }), /resumed by a command/],
  ];
  for (const [end, message] of cases) assert.throws(() => end.succeeded(), { name: "Fail", message });
});

test("what can't travel as JSON is refused, with its place", async () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const cases: [value: unknown, words: string][] = [
    [{ when: new Map() }, "output.when: a Map can't be passed on as JSON"],
    [[1, NaN], "output[1]: JSON has no NaN"],
    [{ "a b": () => 1 }, 'output["a b"]: a function'],
    [[undefined], "output[0]: JSON has no undefined"],
    [circle, "output.self: it holds itself"],
    [new Uint8Array(2), "a Uint8Array can't be passed on"],
  ];
  for (const [index, [value, words]] of cases.entries()) {
    const returns = task(function returns() {
      return value;
    });
    await assert.rejects(run(dag({ id: `misfit-${index}` }, () => void returns())), (error: Error) => error.message.includes(words));
  }
});

test("values are held to their schemas, and a library's may change them", async () => {
  const defaults = { "~standard": { version: 1 as const, vendor: "test", validate: (value: unknown) => ({ value: { ...(value as object), filled: true } }) } };
  const takes = task({ types: { inputs: { row: defaults } } }, function takes({ row }: { row: object }) {
    return row;
  });
  const result = await run(dag(function filling() { takes({ row: { a: 1 } }); }));
  assert.deepEqual(result.output("takes"), { a: 1, filled: true });
  const cases: [schema: object, value: unknown, words: string][] = [
    [{ type: "array", items: { type: "integer" } }, [1, "two"], 'output[1]: expected integer, got "two"'],
    [{ type: "object", required: ["a"] }, {}, "output.a: it is missing"],
    [{ properties: { a: { enum: [1, 2] } } }, { a: 3 }, "output.a: expected one of 1, 2, got 3"],
    [{ anyOf: [{ type: "string" }, { type: "null" }] }, 5, "output: expected string, got 5"],
    [{ type: "object", additionalProperties: false }, { a: 1 }, "output.a: nothing is allowed here"],
    [{ type: "number", minimum: 3 }, 2, "expected at least 3"],
    [{ "~standard": { version: 1, vendor: "test", validate: () => ({ issues: [{ message: "is odd", path: ["a", 0, { key: "b" }] }] }) } }, 1, "output.a[0].b: is odd"],
  ];
  for (const [index, [output, value, words]] of cases.entries()) {
    const returns = task({ types: { output } }, function returns() {
      return value;
    });
    await assert.rejects(run(dag({ id: `schema-${index}` }, () => void returns())), (error: Error) => error.message.includes(words));
  }
});

test("artifacts and variables are the host's", async () => {
  const writes = task(function writes() {
    const writer = Artifact.create("text/plain");
    writer.write("from ");
    writer.write(new TextEncoder().encode("ä task"));
    return { file: writer.finish() };
  });
  const reads = task({ grants: { variables: ["name"] } }, function reads({ file }: { file: Artifact }) {
    return [file.text(), variable("name"), variable("none", "fallback")];
  });
  const made = dag(function files() {
    reads.with({ grants: { variables: ["name", "none"] } })({ file: writes().file });
  });
  const result = await run(made, {}, { variables: { name: "value" } });
  assert.deepEqual(result.output("reads"), ["from ä task", "value", "fallback"]);
  const denied = task(function denied() {
    return variable("name");
  });
  await assert.rejects(run(dag(function asking() { denied(); })), /grants: \{ variables: \["name"\] \}/);
});

test("a task is called as a function", async () => {
  const seen = await attempt({ tryNumber: 2, params: { table: "x" }, logicalDate: new Date("2026-01-02") }, async (host) => {
    const context = new Context();
    context.progress(0.5, "half");
    assert.deepEqual(host.progressed, [[0.5, "half"]]);
    return [await double.run({ x: 2 }), context.tryNumber, context.params, context.logicalDate.getTime()];
  });
  assert.deepEqual(seen, [4, 2, { table: "x" }, Date.parse("2026-01-02")]);
  assert.throws(() => new Context().runId, /no task is running/);
});
