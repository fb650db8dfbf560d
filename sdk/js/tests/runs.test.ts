import assert from "node:assert/strict";
import test from "node:test";
import { Artifact, branch, chain, Context, dag, Defer, Fail, log, Retry, Skip, task, variable } from "@weft/sdk";
import { attempt, run, RunFailed } from "@weft/sdk/testing";

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
  assert.deepEqual(woken, { event: "paid", payload: 3, timedOut: false });
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
