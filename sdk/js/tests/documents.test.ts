import assert from "node:assert/strict";
import test from "node:test";
import { Artifact, branch, chain, dag, each, param, task, teardownOf } from "@weft/sdk";
import { Catalogue } from "../src/document.js";

const number = task(function number() {
  return { deep: { list: [1, 2] }, "odd/key": 1 };
});
const plus = task({ retries: 2, retryDelay: "5s", types: { inputs: { a: { type: "number" } }, output: { type: "number" } } }, function plus({
  a,
  b,
}: {
  a: number;
  b: number;
}) {
  return a + b;
});
const rows = task(function rows() {
  return { items: [{ id: 1, active: true, deep: { "odd/~key": [1] } }] };
});
const choose = branch(function choose({ of }: { of: number }) {
  return of > 1 ? ["plus"] : null;
});

function taskDocument(made: { document(): object }, id: string): Record<string, unknown> {
  return (made.document() as { tasks: Record<string, Record<string, unknown>> }).tasks[id]!;
}

test("a DAG becomes its document", () => {
  const made = dag(
    { id: "d.1", schedule: "@daily", maxActiveRuns: 2, start: new Date(0), params: { most: 5, table: param<string>({ description: "which" }), list: [1] } },
    ({ most }) => {
      const from = number();
      chain(choose({ of: most }), plus({ a: from.deep.list[1]!, b: from["odd/key"] }));
    },
  );
  assert.deepEqual(made.document(), {
    id: "d.1",
    schedule: "@daily",
    max_active_runs: 2,
    start: "1970-01-01T00:00:00.000Z",
    params: {
      most: { default: 5, schema: { type: "number" } },
      table: { description: "which" },
      list: { default: [1] },
    },
    tasks: {
      number: {},
      choose: { inputs: { of: { param: "most" } }, branch: true },
      plus: {
        retries: 2,
        retry_delay: "5s",
        inputs: { a: { task: "number", pointer: "/deep/list/1" }, b: { task: "number", pointer: "/odd~1key" } },
        after: ["choose"],
        types: { inputs: { a: { type: "number" } }, output: { type: "number" } },
      },
    },
  });
});

test("a task that is called again has another id, unless it is given one", () => {
  const made = dag(function again() {
    number();
    number();
    number.with({ id: "third", retries: 1 })();
  });
  assert.deepEqual([...made.nodes.keys()], ["number", "number__1", "third"]);
  assert.deepEqual(taskDocument(made, "third"), { retries: 1 });
});

test("a list is mapped over, also one that is known", () => {
  const made = dag(function mapped() {
    const from = number();
    plus.expand({ a: from.deep.list }, { b: 1 });
    plus.expand({ a: [1, 2], b: [3] });
  });
  const { inputs, expand } = taskDocument(made, "plus");
  assert.deepEqual({ inputs, expand }, { inputs: { b: { value: 1 } }, expand: { a: { task: "number", pointer: "/deep/list" } } });
  assert.deepEqual(taskDocument(made, "plus__1").expand, { a: { value: [1, 2] }, b: { value: [3] } });
});

test("lists of which the elements go together are zipped", () => {
  const made = dag(function zipped() {
    plus.zip({ a: number().deep.list, b: [3, 4] });
    plus.zip({ a: [1, 2] }, { b: 1 });
  });
  const { expand, zip } = taskDocument(made, "plus");
  assert.deepEqual({ expand, zip }, { expand: { a: { task: "number", pointer: "/deep/list" }, b: { value: [3, 4] } }, zip: true });
  assert.deepEqual(taskDocument(made, "plus__1").inputs, { b: { value: 1 } });
});

test("instances get parts of elements, of those that a filter leaves", () => {
  const made = dag({ id: "parts", params: { list: [{ a: 1, b: null as number | null }] } }, ({ list }) => {
    const { items } = rows();
    plus.expand({ a: each(items, (row) => row.id) }, { b: 1 });
    plus.zip({ a: each(items, (row) => row.deep["odd/~key"][0] as never, { filter: (row) => row.active }), b: each(list, (row) => row.a) });
    number.with({ id: "whole" }).expand({ row: each(items, { filter: (row) => row.deep["odd/~key"] }) } as never);
    plus.zip({ a: each([{ x: 1 }, { x: 2, off: true }], (row) => row.x, { filter: (row) => row.off as never }), b: [1] });
    plus.expand({ a: each(number().deep.list), b: each(number().deep.list, (one) => one) });
  });
  assert.deepEqual(taskDocument(made, "plus").expand, { a: { task: "rows", pointer: "/items", each: "/id" } });
  assert.deepEqual(taskDocument(made, "plus__1").expand, {
    a: { task: "rows", pointer: "/items", each: "/deep/odd~1~0key/0", filter: "/active" },
    b: { param: "list", each: "/a" },
  });
  assert.deepEqual(taskDocument(made, "whole").expand, { row: { task: "rows", pointer: "/items", filter: "/deep/odd~1~0key" } });
  const { expand, zip } = taskDocument(made, "plus__2");
  assert.deepEqual({ expand, zip }, { expand: { a: { value: [{ x: 1 }, { x: 2, off: true }], each: "/x", filter: "/off" }, b: { value: [1] } }, zip: true });
  assert.deepEqual(taskDocument(made, "plus__3").expand, {
    a: { task: "number", pointer: "/deep/list" },
    b: { task: "number__1", pointer: "/deep/list" },
  });
});

test("owners, runs by key and limits of rates are in the document", () => {
  const made = dag(
    { id: "exports", owners: ["team-a", "ada"], concurrencyKey: "{{ params.customer }}", maxActiveRunsPerKey: 2, rateLimit: { runs: 100, per: "1m" } },
    () => void number(),
  );
  assert.deepEqual(made.document(), {
    id: "exports",
    owners: ["team-a", "ada"],
    concurrency_key: "{{ params.customer }}",
    max_active_runs_per_key: 2,
    rate_limit: { runs: 100, per: "1m" },
    tasks: { number: {} },
  });
  const seconds = dag({ id: "exports.2", concurrencyKey: "all", rateLimit: { runs: 1, per: 1.5 } }, () => void number());
  assert.deepEqual(seconds.document(), { id: "exports.2", concurrency_key: "all", rate_limit: { runs: 1, per: 1.5 }, tasks: { number: {} } });
});

test("a teardown names its setups", () => {
  const destroy = task({ retries: 1, retryOn: ["timeout", "internal"] }, function destroy(_: { of: number }) {});
  const made = dag(function cluster() {
    const [one, other] = [number(), number()];
    const destroyed = destroy({ of: one["odd/key"] });
    assert.equal(teardownOf(destroyed, one, { failsRun: true }), destroyed);
    chain(plus({ a: 1, b: 2 }), destroyed);
    teardownOf(destroy({ of: 1 }), [one, other]);
    teardownOf(destroy({ of: 1 }), []);
  });
  assert.deepEqual(taskDocument(made, "destroy"), {
    retries: 1,
    retry_on: ["timeout", "internal"],
    inputs: { of: { task: "number", pointer: "/odd~1key" } },
    after: ["plus"],
    teardown_of: ["number"],
    teardown_fails_run: true,
  });
  assert.deepEqual(taskDocument(made, "destroy__1").teardown_of, ["number", "number__1"]);
  assert.deepEqual(taskDocument(made, "destroy__2").teardown_of, []);
});

test("earlier runs and deadlines are in the document", () => {
  const post = task({ dependsOnPast: true, waitForDownstream: true }, function post() {});
  const mail = task({ latestOnly: true, deadline: "2h", onMissedDeadline: "stop" }, function mail() {});
  const made = dag({ id: "ledger", deadline: 5400, onMissedDeadline: "notify" }, () => {
    post();
    mail();
    mail.with({ deadline: "3h" })();
  });
  assert.deepEqual(made.document(), {
    id: "ledger",
    deadline: 5400,
    on_missed_deadline: "notify",
    tasks: {
      post: { depends_on_past: true, wait_for_downstream: true },
      mail: { latest_only: true, deadline: "2h", on_missed_deadline: "stop" },
      mail__1: { latest_only: true, deadline: "3h", on_missed_deadline: "stop" },
    },
  });
});

test("priorities are in the document", () => {
  const report = task({ priority: 9 }, function report() {});
  const made = dag({ id: "urgent", priority: -5, priorityRule: "inherited" }, () => chain(number(), report()));
  assert.deepEqual(made.document(), {
    id: "urgent",
    priority: -5,
    priority_rule: "inherited",
    tasks: { number: {}, report: { priority: 9, after: ["number"] } },
  });
  const plain = dag({ id: "urgent.2", priority: 0, priorityRule: "absolute" }, () => void number());
  assert.deepEqual(plain.document(), { id: "urgent.2", priority: 0, priority_rule: "absolute", tasks: { number: {} } });
});

test("schedules and holidays are in the document", () => {
  const several = ["0 6 * * 1-5", "0 12 * * 6", "2026-12-24T06:00"];
  const cases = [
    ["@daily", "@daily"],
    [["@once"], "@once"],
    [several, several],
    [["2026-12-24"], ["2026-12-24"]],
    ["2026-12-24T06:00", ["2026-12-24T06:00"]],
    [undefined, undefined],
  ] as const;
  cases.forEach(([given, written], at) => {
    const made = dag({ id: `scheduled.${at}`, schedule: given }, () => void number());
    assert.deepEqual((made.document() as { schedule?: unknown }).schedule, written);
  });
  const made = dag({ id: "closed", schedule: several, holidays: ["2026-12-24", "12-25"] }, () => void number());
  assert.deepEqual(made.document(), {
    id: "closed",
    schedule: several,
    holidays: ["2026-12-24", "12-25"],
    tasks: { number: {} },
  });
});

test("edges inside of a value become inputs of their own", () => {
  const takes = task(function takes(_: { all: { list: number[]; name: string } }) {});
  const made = dag(function mixed() {
    const from = number();
    takes({ all: { list: [from.deep.list[0]!, 7], name: "x" } });
  });
  assert.deepEqual(taskDocument(made, "takes").inputs, { "all:0": { task: "number", pointer: "/deep/list/0" } });
  assert.deepEqual(made.nodes.get("takes")!.arguments({ "all:0": 1 }), { all: { list: [1, 7], name: "x" } });
});

test("tasks of one id in two DAGs are known by their DAGs", () => {
  const [one, other] = ["one", "other"].map((id) => dag({ id }, () => void number()));
  const catalogue = new Catalogue([one!, other!]);
  assert.deepEqual([...catalogue.tasks.keys()], ["one/number", "other/number"]);
  const { dags } = catalogue.document as { dags: { tasks: unknown }[] };
  assert.deepEqual(dags[0]!.tasks, { number: { task: "one/number" } });
});

test("what an author gets wrong is said", () => {
  const cases: [build: () => void, words: RegExp][] = [
    [() => task({ retry: 1 } as object, function a() {}), /task a has no setting "retry"/],
    [() => task({ retry_delay: 1 } as object, function a() {}), /did you mean retryDelay/],
    [() => task(() => 1), /a task needs a name/],
    [() => number(), /number\.run\(/],
    [() => dag(function empty() {}), /has no task/],
    [() => dag({ id: "d.1" }, () => void number()), /two DAGs have the id "d.1"/],
    [() => dag(async function late() {}), /can't be async/],
    [() => dag(function text() { void `${number()}`; }), /is no value yet/],
    [() => dag(function gone() { void [...(number().deep.list as unknown as number[])]; }), /task\.expand/],
    [() => dag(function odd() { plus({ a: 1n as unknown as number, b: 1 }); }), /JSON has no bigint/],
    [() => dag(function odd() { plus.expand({ a: 5 as unknown as number[] }, { b: 1 }); }), /takes a list/],
    [() => dag(function odd() { chain(5 as never); }), /chain\(\) takes outputs/],
    [() => dag(function odd() { plus.zip({ a: [1], b: [1, 2] }); }), /"a" \(1\) and "b" \(2\) go together and must have one length/],
    [() => dag(function odd() { teardownOf(number(), [5 as never]); }), /teardownOf\(\) takes outputs/],
    [() => dag(function odd() { teardownOf(choose({ of: 1 }), []); }), /a teardown can't choose/],
    [() => dag(function odd() { teardownOf(number.with({ triggerRule: "all_done" })(), []); }), /a rule of its own; leave out triggerRule/],
    [() => dag(function odd() { teardownOf(number.with({ latestOnly: true })(), []); }), /whatever came of other runs; leave out latestOnly/],
    [() => task({ depends_on_past: true } as object, function a() {}), /did you mean dependsOnPast/],
    [() => dag({ schedule: [] }, function odd() { number(); }), /schedule: a list of schedules has at least one/],
    [() => dag({ schedule: ["@daily", 5 as never] }, function odd() { number(); }), /schedule: a schedule is cron, .* not 5/],
    [() => dag({ schedule: "@daily", holidays: "12-25" as never }, function odd() { number(); }), /holidays are a list of days .* not "12-25"/],
    [() => dag({ schedule: "@daily", holidays: ["25.12."] }, function odd() { number(); }), /a holiday is "2026-12-25", .* not "25.12."/],
    [() => dag(function odd() { number.with({ id: "n" })({ a: each([1]) } as never); }), /task n: the input "a" is each\(\.\.\.\), which only expand\(\), zip\(\) and mapGroup\(\) take/],
    [() => dag(function odd() { plus.expand({ a: [1] }, { b: { c: [each([1])] } as never }); }), /task plus: there is each\(\.\.\.\) inside of a value/],
    [() => dag(function odd() { plus.expand({ a: [1] }, { b: [each([1]), number()] as never }); }), /task plus: there is each\(\.\.\.\) inside of a value/],
    [() => dag(function odd() { plus.expand({ a: each([1], "/id" as never) } as never, { b: 1 }); }), /each\(\) takes a list, a function/],
    [() => dag(function odd() { plus.expand({ a: each(5 as never) } as never, { b: 1 }); }), /task plus: expand\(\{ a \}\) takes a list/],
    [() => dag(function odd() { each(rows().items, (row) => ((row.id as never) > 3) as never); }), /an element of the output of rows\/items, at \/id, is no value yet: .* compute in a task/],
    [() => dag(function odd() { each(rows().items, (row) => !row.active as never); }), /the function that each\(\) takes has to return a part of the element/],
    [() => dag(function odd() { const { items } = rows(); each(items, () => items[0]!.id as never); }), /each\(\) takes has to return a part of the element/],
    [() => dag(function odd() { each(rows().items, (row) => row.id, { filter: () => true as never }); }), /each\(\)'s filter takes has to return a part of the element/],
    [() => dag(function odd() { each(rows().items, { filter: (row) => row }); }), /filter returned the whole element/],
    [() => dag(function odd() { each(rows().items, { filter: "/active" as never }); }), /each\(\)'s filter takes a function/],
    [() => dag(function odd() { each(rows().items, { where: 1 } as never); }), /each\(\) has no setting "where"/],
    [() => dag(function odd() { let id: unknown; each(rows().items, (row) => (id = row.id)); number({ id } as never); }), /an element of .*, at \/id, is no value yet/],
    [
      () => dag(function odd() { plus.zip({ a: each([{ x: true }, { x: false }], { filter: (row) => row.x }), b: [1, 2] } as never); }),
      /"a" \(1\) and "b" \(2\) go together/,
    ],
    [() => dag({ owners: "team-a" as never }, function odd() { number(); }), /owners are a list of names .* not "team-a"/],
    [() => dag({ concurrencyKey: 5 as never }, function odd() { number(); }), /a key is a template .* not 5/],
    [() => dag({ maxActiveRunsPerKey: 2 }, function odd() { number(); }), /counts runs by their key; add concurrencyKey/],
    [() => dag({ concurrencyKey: "a", maxActiveRunsPerKey: 0 }, function odd() { number(); }), /maxActiveRunsPerKey: it is a whole number of at least 1, not 0/],
    [() => dag({ rateLimit: { runs: 1.5, per: "1m" } }, function odd() { number(); }), /rateLimit: runs is a whole number of at least 1, not 1.5/],
    [() => dag({ rateLimit: 100 as never }, function odd() { number(); }), /rateLimit: a limit is such as \{ runs: 100, per: "1m" \}, not 100/],
    [() => dag({ rateLimit: { runs: 1, per: "1m", burst: 2 } as never }, function odd() { number(); }), /rateLimit: a limit is such as/],
    [() => dag({ priority: 1.5 }, function odd() { number(); }), /DAG odd: priority: a priority is a whole number of 32 bits, not 1.5/],
    [() => task({ priority: 2 ** 31 }, function a() {}), /task a: priority: a priority is a whole number of 32 bits, not 2147483648/],
    [() => dag({ priorityRule: "upstream" as never }, function odd() { number(); }), /priorityRule: the rule is "absolute" or "inherited", not "upstream"/],
    [() => task({ priorityRule: "inherited" } as object, function a() {}), /task a has no setting "priorityRule"/],
    [() => new Catalogue([]), /there is no DAG/],
  ];
  for (const [build, words] of cases) assert.throws(build, words);
  assert.ok(new Artifact("x"));
});
