/**
 * Globals that the engine lacks, or that would be the same in every attempt.
 * The first thing that a program does; packages look for them while they are
 * imported. `URL`, `structuredClone` and `DOMException` are core-js's.
 */

import { current } from "../host.js";
import { AbortController, AbortSignal, Event, EventTarget } from "./events.js";
import { fetch, Request, Response } from "./fetch.js";
import { Headers } from "./headers.js";
import { makeConsole } from "./console.js";
import { clearTimer, setTimer } from "./loop.js";
import { OwnPromise, queue } from "./promise.js";
import { crypto } from "./random.js";
import { TextDecoder, TextEncoder } from "./text.js";
import { trace } from "./trace.js";

let running = false;

let began = Date.now();

/** From now on there is a task, whose log takes what is printed. */
export function taskRuns(): void {
  running = true;
  began = Date.now();
}

const console = makeConsole((level, message) => {
  // While the program is built, there is no listener.
  if (running) current().log(level, message, []);
}, trace);

const globals = {
  AbortController,
  AbortSignal,
  clearInterval: clearTimer,
  clearTimeout: clearTimer,
  console,
  crypto,
  Event,
  EventTarget,
  fetch,
  global: globalThis,
  Headers,
  // The engine's own counts from the building of the program.
  performance: { now: (): number => Date.now() - began },
  Promise: OwnPromise,
  queueMicrotask(job: () => void): void {
    if (typeof job !== "function") throw new TypeError("queueMicrotask takes a function");
    queue(job);
  },
  Request,
  Response,
  self: globalThis,
  setImmediate: (action: unknown, ...given: unknown[]): number => setTimer(action, 0, given, false),
  setInterval: (action: unknown, ms?: unknown, ...given: unknown[]): number => setTimer(action, ms, given, true),
  setTimeout: (action: unknown, ms?: unknown, ...given: unknown[]): number => setTimer(action, ms, given, false),
  TextDecoder,
  TextEncoder,
};

for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}

// The engine's own functions would return the engine's promises, whose jobs never run.
Object.defineProperty(Array, "fromAsync", {
  value: async (items: AsyncIterable<unknown> | Iterable<unknown>, map: (item: unknown, index: number) => unknown = (item) => item) => {
    const all: unknown[] = [];
    for await (const item of items) all.push(await map(item, all.length));
    return all;
  },
  writable: true,
  configurable: true,
});
