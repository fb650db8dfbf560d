import assert from "node:assert/strict";
import test from "node:test";
import { Artifact, branch, chain, dag, param, task } from "@weft/sdk";
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
    [() => new Catalogue([]), /there is no DAG/],
  ];
  for (const [build, words] of cases) assert.throws(build, words);
  assert.ok(new Artifact("x"));
});
