import assert from "node:assert/strict";
import test from "node:test";
import { branch, chain, type Context, dag, each, mapGroup, Skip, task, teardownOf } from "@weft/sdk";
import { run, RunFailed } from "@weft/sdk/testing";
import { Catalogue } from "../src/document.js";

interface File {
  path: string;
  size?: number;
  on?: boolean | null;
}

const list = task(function list(): { files: File[] } {
  return { files: [] };
});
const fetch = task({ retries: 2 }, function fetch({ path, day }: { path: string; day?: string }, { mapIndex }: Context) {
  if (path === "fails") throw new Error("no such file");
  if (path === "skips") throw new Skip();
  return { rows: [path, day ?? "none", mapIndex] };
});
const store = task(function store({ rows, size }: { rows: unknown; size?: number }) {
  return [rows, size ?? 0];
});
const count = task(function count({ all }: { all: unknown }) {
  return all;
});

type Documents = Record<string, Record<string, unknown>>;

test("a mapped group becomes its document", () => {
  const made = dag({ id: "mapped", params: { day: "monday" } }, ({ day }) => {
    const { files } = list();
    const stored = mapGroup("load", { file: files }, ({ file }) => {
      const fetched = fetch.with({ maxActive: 2 })({ path: file.path, day });
      fetch({ path: "fixed" });
      return store({ rows: fetched.rows, size: file.size });
    });
    count({ all: stored });
    count({ all: { first: stored[0]![0], file: [1] } });
    const again = mapGroup("again", { row: each(stored, (row) => row[0], { filter: (row) => row[1] }), number: [1, 2] }, ({ row, number }) => store({ rows: { row, number } }), {
      zip: true,
    });
    count.expand({ all: again });
  });
  const { groups, tasks } = made.document() as { groups: Documents; tasks: Documents };
  assert.deepEqual(groups, {
    load: { expand: { file: { task: "list", pointer: "/files" } } },
    again: { expand: { row: { task: "load.store", each: "/0", filter: "/1" }, number: { value: [1, 2] } }, zip: true },
  });
  assert.deepEqual(Object.keys(tasks), ["list", "load.fetch", "load.fetch__1", "load.store", "count", "count__1", "again.store", "count__2"]);
  assert.deepEqual(tasks["load.fetch"], { retries: 2, max_active: 2, inputs: { path: { element: "file", pointer: "/path" }, day: { param: "day" } } });
  assert.deepEqual(tasks["load.store"], { inputs: { rows: { task: "load.fetch", pointer: "/rows" }, size: { element: "file", pointer: "/size" } } });
  assert.deepEqual(tasks.count, { inputs: { all: "load.store" } });
  assert.deepEqual(tasks.count__1!.inputs, { "all:0": { task: "load.store", pointer: "/0/0" } });
  assert.deepEqual(tasks["again.store"]!.inputs, { "rows:0": { element: "row" }, "rows:1": { element: "number" } });
  assert.deepEqual(tasks.count__2!.expand, { all: "again.store" });
  assert.deepEqual([...new Catalogue([made]).tasks.keys()], Object.keys(tasks));
});

test("tasks of a mapped group wait for each other, without data too", () => {
  const made = dag({ id: "ordered" }, () => {
    const first = list();
    const returned = mapGroup("load", { path: ["a"] }, ({ path }) => {
      const fetched = fetch({ path });
      const other = store({ rows: 1 });
      chain(first, fetched, other);
      teardownOf(store({ rows: 2 }), fetched);
    });
    assert.equal(returned, undefined);
  });
  const { tasks } = made.document() as { tasks: Documents };
  assert.deepEqual(tasks["load.fetch"]!.after, ["list"]);
  assert.deepEqual(tasks["load.store"]!.after, ["load.fetch"]);
  assert.deepEqual(tasks["load.store__1"]!.teardown_of, ["load.fetch"]);
});

/** Lists, gathers and loads these files. */
const loads = (id: string, over: object = {}) =>
  dag({ id, params: { files: [{ path: "a" }] as File[] } }, ({ files }) => {
    const stored = mapGroup("load", { file: files }, ({ file }) => {
      const fetched = fetch.with({ retries: 0 })({ path: file.path });
      return store.with(over)({ rows: fetched.rows, size: file.size });
    });
    count.with({ triggerRule: "all_done" })({ all: stored });
  });

async function failing(made: ReturnType<typeof loads>, files: File[]) {
  const error = await run(made, { files }).then(assert.fail, (reason: unknown) => reason);
  assert.ok(error instanceof RunFailed, String(error));
  return error.result;
}

test("instances of a mapped group get the outputs of their own index", async () => {
  const result = await run(loads("indexes"), { files: [{ path: "a", size: 3 }, { path: "b" }, { path: "c", size: 5 }] });
  assert.deepEqual(result.output("load.store"), [
    [["a", "none", 0], 3],
    [["b", "none", 1], 0],
    [["c", "none", 2], 5],
  ]);
  assert.deepEqual(result.output("count"), result.output("load.store"));
  assert.deepEqual(result.log, []);
});

test("an empty list skips all tasks of a mapped group", async () => {
  const result = await run(loads("empty"), { files: [] });
  assert.deepEqual(result.states, { "load.fetch": "skipped", "load.store": "skipped", count: "success" });
  assert.deepEqual(result.output("count"), []);
});

test("an element that fails or is skipped affects its own index alone", async () => {
  const files = ["a", "fails", "skips", "d"].map((path) => ({ path }));
  const result = await failing(loads("own"), files);
  const states = (task: string) => result.instances.get(task)!.map(({ state }) => state);
  assert.deepEqual(states("load.fetch"), ["success", "failed", "skipped", "success"]);
  assert.deepEqual(states("load.store"), ["success", "upstream_failed", "skipped", "success"]);
  assert.deepEqual(result.output("count"), [[["a", "none", 0], 0], [["d", "none", 3], 0]]);
  const lenient = await failing(loads("lenient", { triggerRule: "all_done" }), files);
  assert.deepEqual(lenient.output("load.store"), [[["a", "none", 0], 0], [null, 0], [null, 0], [["d", "none", 3], 0]]);
});

test("a part that an output lacks fails its own index alone", async () => {
  const odd = task(function odd({ number }: { number: number }): { even?: number } {
    return number % 2 ? {} : { even: number };
  });
  const made = dag({ id: "lacking" }, () => {
    mapGroup("load", { number: [1, 2] }, ({ number }) => store({ rows: odd({ number }).even }));
  });
  const error = await run(made).then(assert.fail, (reason: unknown) => reason as RunFailed);
  assert.match(error.message, /leads nowhere/);
  assert.deepEqual(error.result.output("load.store"), [[2, 0]]);
});

test("a teardown of a mapped group follows its setup of the same index", async () => {
  const undo = task(function undo({ made }: { made: unknown }) {
    return made;
  });
  const made = dag({ id: "undone", params: { paths: ["a", "fails", "skips"] } }, ({ paths }) => {
    mapGroup("load", { path: paths }, ({ path }) => {
      const fetched = fetch.with({ retries: 0 })({ path });
      teardownOf(undo({ made: fetched.rows }), fetched);
    });
  });
  const error = await run(made).then(assert.fail, (reason: unknown) => reason as RunFailed);
  assert.deepEqual(error.result.instances.get("load.undo")!.map(({ state }) => state), ["success", "upstream_failed", "skipped"]);
});

test("a mapped group has an instance for each combination, or for each position", async () => {
  const pairs = (id: string, zip: boolean) =>
    dag({ id, params: { rows: [{ id: 1, on: true }, { id: 2, on: null }, { id: 3, on: true }] as { id: number; on: boolean | null }[], other: [7, 8] } }, ({ rows, other }) => {
      mapGroup("pair", { row: each(rows, (row) => row.id, { filter: (row) => row.on }), other }, ({ row, other }) => count({ all: count.with({ id: "both" })({ all: [row, other] }) }), { zip });
    });
  const combined = await run(pairs("combined", false));
  assert.deepEqual(combined.output("pair.count"), [[1, 7], [1, 8], [3, 7], [3, 8]]);
  const zipped = pairs("zipped", true);
  assert.deepEqual((await run(zipped)).output("pair.count"), [[1, 7], [3, 8]]);
  const error = await run(zipped, { other: [7] }).then(assert.fail, (reason: unknown) => reason as RunFailed);
  assert.match(error.message, /"row" \(2\) and "other" \(1\) go together and must have one length/);
  assert.deepEqual(error.result.states, { "pair.both": "failed", "pair.count": "upstream_failed" });
});

test("a branch can leave out tasks of a mapped group", async () => {
  const choose = branch(function choose() {
    return [];
  });
  const made = dag({ id: "left-out" }, () => {
    const chosen = choose();
    mapGroup("load", { path: ["a", "b"] }, ({ path }) => {
      const fetched = fetch({ path });
      chain(chosen, fetched);
      store({ rows: fetched });
    });
  });
  assert.deepEqual((await run(made)).states, { choose: "success", "load.fetch": "skipped", "load.store": "skipped" });
});

test("what an author gets wrong with mapped groups is said", () => {
  const choose = branch(function choose() {
    return null;
  });
  let id = 0;
  const cases: [build: () => void, words: RegExp][] = [
    [() => mapGroup("load", {}, () => fetch({ path: "a" })), /the mapped group load has no list; give it one/],
    [() => mapGroup("load", { path: ["a"] }, () => {}), /the mapped group load has no task; call one in its function/],
    [() => mapGroup("load", { path: 5 as never }, () => fetch({ path: "a" })), /the mapped group load: "path" is a list or one task's output, or each/],
    [() => mapGroup("load", list() as never, () => fetch({ path: "a" })), /mapGroup\(\) takes a name, lists by name, a function/],
    [() => mapGroup("load", [["a"]] as never, () => fetch({ path: "a" })), /mapGroup\(\) takes a name, lists by name, a function/],
    [() => mapGroup("load", { path: ["a"] }, ({ path }) => fetch({ path }), { zipped: true } as never), /the mapped group load has no setting "zipped"; there is zip/],
    [() => mapGroup("load", { path: ["a"] }, ({ path }) => fetch.expand({ path: ["b"] })), /task load\.fetch is mapped with its group load, and not by itself/],
    [() => mapGroup("load", { path: ["a"] }, ({ path }) => fetch.zip({ path: [path] })), /task load\.fetch is mapped with its group load, and not by itself/],
    [() => mapGroup("load", { path: ["a"] }, () => choose()), /task load\.choose is a branch, which can't be in the mapped group load/],
    [() => mapGroup("load", { path: ["a"] }, ({ path }) => void mapGroup("inner", { path: ["b"] }, () => fetch({ path }))), /the mapped group inner is within the mapped group load; map one of the two/],
    [() => [1, 2].map(() => mapGroup("load", { path: ["a"] }, ({ path }) => fetch({ path }))), /two mapped groups have the name "load"/],
    [() => ["load", "load.inner"].map((name) => mapGroup(name, { path: ["a"] }, ({ path }) => fetch({ path }))), /the mapped group load\.inner is within the mapped group load/],
    [() => ["load.inner", "load"].map((name) => mapGroup(name, { path: ["a"] }, ({ path }) => fetch({ path }))), /the mapped group load\.inner is within the mapped group load/],
    [
      () => {
        let leaked: unknown;
        mapGroup("load", { path: ["a"] }, ({ path }) => fetch({ path: (leaked = path) as string }));
        fetch({ path: leaked as string });
      },
      /task fetch: the element path of the mapped group load is known only within the mapped group load/,
    ],
    [
      () => {
        let leaked: unknown;
        mapGroup("load", { files: [["a"]] }, ({ files }) => count({ all: (leaked = files) }));
        mapGroup("other", { path: leaked as string[] }, ({ path }) => fetch({ path }));
      },
      /the mapped group other: the element files of the mapped group load is known only within/,
    ],
    [
      () => {
        let leaked: unknown;
        mapGroup("load", { files: [["a"]] }, ({ files }) => count({ all: (leaked = files) }));
        mapGroup("other", { path: [leaked as string] }, ({ path }) => fetch({ path }));
      },
      /the mapped group other: "path" is a list or one task's output/,
    ],
    [
      () => {
        let leaked: unknown;
        mapGroup("load", { path: ["a"] }, ({ path }) => (leaked = fetch({ path })) as ReturnType<typeof fetch>);
        store({ rows: [leaked] });
      },
      /task store: the output of load\.fetch is known only within the mapped group load; outside of it there is the list that mapGroup\(\) returns/,
    ],
    [() => mapGroup("load", { path: ["a"] }, ({ path }) => fetch({ path }).rows), /the mapped group load: its function returns the whole output of one of its tasks, or nothing/],
    [() => mapGroup("load", { path: ["a"] }, ({ path }) => (fetch({ path }), path)), /its function returns the whole output of one of its tasks/],
    [() => { const other = list(); mapGroup("load", { path: ["a"] }, ({ path }) => (fetch({ path }), other)); }, /its function returns the whole output of one of its tasks/],
    [() => mapGroup("load", { path: ["a"] }, (async ({ path }: { path: never }) => fetch({ path })) as never), /the mapped group load: its function can't be async/],
    [() => mapGroup("load", { path: ["a"] }, ({ path }) => void `${path}`), /the element path of the mapped group load is no value yet: .* Do it inside of a task$/],
    [() => mapGroup("load", { path: ["a"], other: [1, 2] }, ({ path }) => fetch({ path }), { zip: true }), /the mapped group load: the lists "path" \(1\) and "other" \(2\) go together/],
    [() => mapGroup("load", { path: [1n] }, ({ path }) => store({ rows: path })), /the mapped group load: path\[0\]: JSON has no bigint/],
    [
      () => {
        fetch.with({ id: "load.other" })({ path: "a" });
        mapGroup("load", { path: ["a"] }, ({ path }) => fetch({ path }));
      },
      /task load\.other is in the mapped group load by its id; call it in the group's function, or give it another id/,
    ],
  ];
  for (const [build, words] of cases) assert.throws(() => dag({ id: `wrong-${(id += 1)}` }, () => void build()), words);
  assert.throws(() => mapGroup("load", { path: ["a"] }, ({ path }) => fetch({ path })), /the mapped group load was made outside of a DAG's function/);
  dag({ id: "after-a-mistake" }, () => void list());
});
