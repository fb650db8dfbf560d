/** What the sandbox's engine is given, held against Node's own. */

import assert from "node:assert/strict";
import test from "node:test";
import { makeConsole } from "../src/guest/console.js";
import { Headers as OwnHeaders } from "../src/guest/headers.js";
import { format } from "../src/guest/inspect.js";
import { OwnPromise, queue, runJobs, takeUnhandled } from "../src/guest/promise.js";
import { TextDecoder as OwnDecoder, TextEncoder as OwnEncoder } from "../src/guest/text.js";
import { trace } from "../src/guest/trace.js";
// @ts-expect-error the scripts of the build have no types
import { table } from "../build/map.mjs";

/** The order in which things happen with one kind of promise. */
function story(P: typeof OwnPromise, microtask: (job: () => void) => void, seen: string[]): void {
  const say = (text: string) => (value?: unknown): unknown => {
    seen.push(`${text} ${value instanceof Error ? value.message : JSON.stringify(value)}`);
    return value;
  };
  P.resolve(1).then(say("a")).then(say("b"));
  new P((resolve) => resolve(P.resolve(2))).then(say("c"));
  P.reject(new Error("x")).catch(say("d")).finally(say("e"));
  P.all([P.resolve(1), 2, new P((resolve) => microtask(() => resolve(3)))]).then(say("f"));
  P.all([]).then(say("g"));
  P.allSettled([P.reject(1), 2]).then(say("h"));
  P.any([P.reject(1), P.resolve([2])]).then(say("i"));
  P.any([]).then(undefined, say("j"));
  P.race([new P(() => {}), P.resolve(4)]).then(say("k"));
  P.resolve({ then: (resolve: (value: number) => void) => resolve(5) }).then(say("l"));
  P.resolve().then(() => { throw new Error("y"); }).then(say("no"), say("m"));
  P.reject(6).finally(() => 7).then(say("no"), say("n"));
  microtask(() => void say("o")(0));
}

test("promises settle in the order of the language's own", async () => {
  const [own, nodes]: [string[], string[]] = [[], []];
  story(OwnPromise, queue, own);
  runJobs();
  story(Promise as unknown as typeof OwnPromise, queueMicrotask, nodes);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([...own].sort(), [...nodes].sort());
  assert.deepEqual(takeUnhandled(), []);
  OwnPromise.reject("unhandled");
  assert.deepEqual(takeUnhandled(), ["unhandled"]);
});

test("text is encoded and decoded as elsewhere, broken text too", () => {
  const texts = ["", "plain", "äöü€𝄞", "\ud800 lone \udc00", "x".repeat(10_000), "\ufeffmark"];
  for (const text of texts) {
    const bytes = new TextEncoder().encode(text);
    assert.deepEqual(new OwnEncoder().encode(text), bytes);
    assert.equal(new OwnDecoder().decode(bytes), new TextDecoder().decode(bytes));
  }
  const broken = [[0xff], [0xc2], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x41], [0xc0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x28, 0xa1]];
  for (const numbers of broken) {
    const bytes = Uint8Array.from(numbers);
    assert.equal(new OwnDecoder().decode(bytes), new TextDecoder().decode(bytes), String(numbers));
    assert.throws(() => new OwnDecoder("utf-8", { fatal: true }).decode(bytes), TypeError);
  }
  const stream = new OwnDecoder();
  const parts = [...new TextEncoder().encode("a€𝄞")].map((byte) => stream.decode(Uint8Array.of(byte), { stream: true }));
  assert.equal(parts.join("") + stream.decode(), "a€𝄞");
  assert.throws(() => new OwnDecoder("latin1"), RangeError);
});

test("headers are the standard's", () => {
  const given: [string, string][] = [["X-B", " 2 "], ["x-a", "1"], ["x-b", "3"], ["Set-Cookie", "a=1"], ["set-cookie", "b=2"]];
  assert.deepEqual([...new OwnHeaders(given)], [...new Headers(given)]);
  assert.deepEqual([...new OwnHeaders({ A: "b" })], [["a", "b"]]);
  assert.throws(() => new OwnHeaders({ "a b": "c" }), TypeError);
  assert.throws(() => new OwnHeaders({ a: "b\nc" }), TypeError);
});

test("the console writes at the level of its method", () => {
  const lines: [string, string][] = [];
  const console = makeConsole((level, message) => lines.push([level, message]), trace) as Console;
  console.log("%s has %d %%", "x", 5, { a: [1, { b: new Map([["k", 1]]) }] });
  console.warn(new Error("careful"));
  console.group("outer");
  console.debug("inner");
  console.groupEnd();
  console.assert(false, "not %s", "so");
  console.count();
  assert.deepEqual(lines, [
    ["info", 'x has 5 % { a: [ 1, { b: Map(1) { "k" => 1 } } ] }'],
    ["warn", "Error: careful"],
    ["info", "outer"],
    ["debug", "  inner"],
    ["error", "Assertion failed: not so"],
    ["info", "default: 1"],
  ]);
  assert.equal(format(["%j", { a: 1 }, new Set([1])]), '{"a":1} Set(1) { 1 }');
  const circle: unknown[] = [];
  circle.push(circle);
  assert.equal(format([circle]), "[ [Circular] ]");
});

test("frames are the author's", () => {
  // Line 4 is the SDK's, which the table does not have.
  const places = { sources: ["dags/a.ts"], lines: { 2: [0, 0, 10, 0, 8, 0, 10, 6], 3: [0, 0, 20, 0] } };
  Object.assign(globalThis, { __weft_places: JSON.stringify(places) });
  const error = new RangeError("no", { cause: "why" });
  error.stack = "    at inner (component.js:2:9)\n    at <anonymous> (component.js:3:1)\n    at made (component.js:4:1)\n    at native";
  assert.equal(trace(error), "RangeError: no\n    at inner (dags/a.ts:10:7)\n    at (dags/a.ts:20:1)\nCaused by: why");
});

test("of the program's map the author's places are kept", () => {
  const sources = ["weft-sdk:task.ts", "dags/a.ts", "node_modules/p/p.js"];
  // Line 1: the SDK. Line 2: a.ts 3:5 and 3:9. Line 3: p.js 1:1 and 1:3. Line 4: nothing.
  const mappings = "AAAA;ACEI,IAAI;ACFR,EAAE;";
  assert.deepEqual(table({ sources, mappings }, 1), { sources, lines: { 3: [0, 1, 3, 4, 4, 1, 3, 8], 4: [0, 2, 1, 0] } });
});
