import assert from "node:assert/strict";
import test from "node:test";
import { allOf, anyOf, type AssetUpdate, branch, type Condition, dag, type RecordedUpdate, Skip, task, update, within } from "@weft/sdk";
import { run } from "@weft/sdk/testing";
import { run as attemptOf } from "../src/attempt.js";

const ORDERS = "s3://lake/orders";

const load = task({ outlets: [ORDERS, "s3://lake/rejected"] }, function load({ day }: { day: string }): number {
  return update(3, { assets: [{ asset: ORDERS, partition: day, metadata: { rows: 3 } }] });
});
const count = task(function count({ assets }: { assets: Record<string, RecordedUpdate[]> }) {
  return assets[ORDERS]!.reduce((rows, { metadata }) => rows + (metadata!.rows as number), 0);
});

function onAssets(id: string, given: unknown): unknown {
  const made = dag({ id, onAssets: given as Condition }, () => void load({ day: "x" }));
  return (made.document() as { on_assets: unknown }).on_assets;
}

function nested(depth: number): Condition {
  return depth === 1 ? "a" : [nested(depth - 1)];
}

test("outlets and conditions are fields of the document", () => {
  const made = dag({ schedule: "@daily", onAssets: allOf(ORDERS, anyOf("a", ["b", "c"]), within("rates", "1d")) }, function both() {
    load({ day: "2026-11-26" });
  });
  const found = made.document() as { schedule: string; on_assets: unknown; tasks: { load: { outlets: string[] } } };
  assert.deepEqual(found.tasks.load.outlets, [ORDERS, "s3://lake/rejected"]);
  assert.equal(found.schedule, "@daily");
  assert.deepEqual(found.on_assets, { all: [ORDERS, { any: ["a", ["b", "c"]] }, { asset: "rates", within: "1d" }] });
  const good = ["orders", ["a", "b"], { any: ["a"] }, { asset: "a", within: 60 }, { asset: "a" }, nested(8)];
  for (const [at, given] of good.entries()) assert.deepEqual(onAssets(`good${at}`, given), given);
});

test("wrong outlets and conditions are explained", () => {
  const outlets: [unknown, RegExp][] = [
    ["orders", /task load: outlets: outlets are a list of assets' names such as \["orders"\], not "orders"/],
    [["/orders"], /starts with a letter, a digit or '_'; "\/orders" does not/],
    [["x".repeat(251)], /at most 250 bytes, this one has 251/],
    [["a", "a"], /"a" occurs twice/],
    [[...Array(65).keys()].map(String), /at most 64 assets, not 65/],
    [[5], /the name of an asset is text .*, not 5/],
  ];
  for (const [given, words] of outlets) assert.throws(() => load.with({ outlets: given as string[] }), words);
  const conditions: [unknown, RegExp][] = [
    ["a b", /DAG bad: onAssets: the name of an asset/],
    [[], /a condition names at least one asset/],
    [{ any: "a" }, /conditions are in a list, not "a"/],
    [5, /a condition is an asset's name, a list, or/],
    [{ all: ["a"], within: "1d" }, /a condition that is an object is/],
    [{ asset: "a", any: ["b"] }, /a condition that is an object is/],
    [{ asset: "a", span: "1d" }, /a condition that is an object is/],
    [{ asset: "a", within: true }, /`within` is text/],
    [[...Array(65).keys()].map(String), /at most 64 assets, not 65/],
    [nested(9), /nested at most 8 deep/],
  ];
  for (const [given, words] of conditions) assert.throws(() => onAssets("bad", given), words);
});

test("an update is written as the contract says", async () => {
  const made = dag({ id: "writes" }, () => void load({ day: "2026-11-26" }));
  assert.deepEqual(await attemptOf(made.nodes.get("load")!, { day: "2026-11-26" }), {
    kind: "control",
    control: { kind: "update", assets: [{ asset: ORDERS, partition: "2026-11-26", metadata: { rows: 3 } }], output: 3 },
  });
});

test("wrong updates are explained", () => {
  const cases: [unknown, RegExp][] = [
    ["orders", /`assets` is a list such as/],
    [["orders"], /an update is an object such as .*, not "orders"/],
    [[{ asset: "" }], /the name of an asset is made of/],
    [[{ asset: "a", rows: 3 }], /an update has no "rows"; it has asset, partition, metadata/],
    [[{ asset: "a", partition: "" }], /`partition` of a is text of 1 to 250 bytes/],
    [[{ asset: "a", partition: "x\ny" }], /in one line, without control characters/],
    [[{ asset: "a", partition: "ä".repeat(126) }], /`partition` of a is text of 1 to 250 bytes/],
    [[{ asset: "a", metadata: [] }], /`metadata` of a is an object/],
    [[{ asset: "a", metadata: { x: 1n } }], /metadata\.x: JSON has no bigint.*of the asset a/],
    [[{ asset: "a", metadata: { x: "y".repeat(5000) } }], /at most 4096 bytes of JSON/],
    [Array(257).fill({ asset: "a" }), /at most 256 updates of assets, not 257/],
    [[{ asset: "a" }, { asset: "a" }], /the asset a is reported twice/],
  ];
  for (const [assets, words] of cases) assert.throws(() => update(1, { assets: assets as AssetUpdate[] }), words);
});

test("only outlets can be updated, and only by tasks that do not branch", async () => {
  const other = task({ outlets: ["a"] }, function other() {
    return update(1, { assets: [{ asset: "b" }] });
  });
  const choose = branch({ outlets: ["a"] }, function choose() {
    return update("other", { assets: [{ asset: "a" }] });
  });
  const misfit = task({ outlets: ["a"], types: { output: { type: "number" } } }, function misfit() {
    return update("x", { assets: [{ asset: "a" }] });
  });
  const updates = (id: string, one: () => unknown): Promise<unknown> => run(dag({ id }, () => void one()));
  await assert.rejects(updates("another", other), /other updates b, which is none of its outlets \(a\); add it: .*\["a","b"\]/);
  await assert.rejects(updates("branches", choose), /a branch has no update/);
  await assert.rejects(updates("unfit", misfit), /misfit returned what its schema doesn't say.*output/);
});

test("a test gives the updates of one DAG to another", async () => {
  const skips = task({ outlets: ["s3://lake/skipped"] }, function skips() {
    throw new Skip("nothing to do");
  });
  const region = task({ outlets: ["s3://lake/regions"] }, function region({ name }: { name: string }) {
    return update(name, { assets: [{ asset: "s3://lake/regions", partition: name }] });
  });
  const produces = dag(function produces() {
    load({ day: "2026-11-26" });
    skips();
    region.expand({ name: ["north", "south"] });
  });
  const none: Record<string, RecordedUpdate[]> = {};
  const consumes = dag({ onAssets: [ORDERS], params: { assets: none } }, function consumes({ assets }) {
    count({ assets });
  });
  const produced = await run(produces, {}, { logicalDate: new Date("2026-11-26T06:00:00Z") });
  const at = { at: "2026-11-26T06:00:00.000Z", run: "test" };
  assert.equal(produced.output("load"), 3);
  assert.deepEqual(produced.assets, {
    [ORDERS]: [{ partition: "2026-11-26", metadata: { rows: 3 }, ...at }],
    "s3://lake/rejected": [at],
    "s3://lake/regions": [
      { partition: "north", ...at },
      { partition: "south", ...at },
    ],
  });
  const consumed = await run(consumes, { assets: produced.assets });
  assert.equal(consumed.output("count"), 3);
});
