/**
 * What goes on while a task waits: jobs of promises, timers, and events of the
 * host (an answer that has come, more of a body). One loop runs them until the
 * task has its result.
 */

import clock from "wqjs:clocks/monotonic-clock@0.2.0";
import poll from "wqjs:io/poll@0.2.0";
import type { Pollable } from "host-streams";
import { forget, type OwnPromise, queue, runJobs } from "./promise.js";

interface Timer {
  id: number;
  due: number;
  /** Of a timer that repeats. */
  interval: number | undefined;
  action: () => void;
}

const NANOSECONDS = 1_000_000;
/** The longest that a timer may take in browsers and Node, which take a longer one for 1 ms. */
const LONGEST_MS = 0x7fffffff;

let timers: Timer[] = [];
let waits: { pollable: Pollable; ready: () => void }[] = [];
let last = 0;

export function setTimer(action: unknown, ms: unknown, given: unknown[], repeats: boolean): number {
  if (typeof action !== "function") throw new TypeError("a timer takes a function");
  const asked = Number(ms);
  const span = asked >= 1 && asked <= LONGEST_MS ? asked : 1;
  const timer = { id: ++last, due: Date.now() + span, interval: repeats ? span : undefined, action: () => action(...given) };
  timers.push(timer);
  return timer.id;
}

export function clearTimer(id: unknown): void {
  timers = timers.filter((timer) => timer.id !== Number(id));
}

/** Calls back once the host says so, and lets go of the pollable then, or when what is returned is called. */
export function whenReady(pollable: Pollable, ready: () => void): () => void {
  const wait = { pollable, ready };
  waits.push(wait);
  return () => {
    if (!waits.includes(wait)) return;
    waits = waits.filter((other) => other !== wait);
    pollable[Symbol.dispose]();
  };
}

/** Runs everything until the promise is settled, and answers with its value. Throws its reason. */
export function until(promise: OwnPromise): unknown {
  for (;;) {
    runJobs();
    if (promise.state === "fulfilled") return promise.value;
    if (promise.state === "rejected") throw promise.value;
    if (!step()) throw new Error("the task waits for a promise that nothing will settle");
  }
}

/** Forgets what the building of the program has left. */
export function reset(): void {
  timers = [];
  waits = [];
  forget();
}

/** Waits for the next thing to happen; false where nothing can. */
function step(): boolean {
  const next = timers.reduce<Timer | undefined>((first, timer) => (first && first.due <= timer.due ? first : timer), undefined);
  if (!next && waits.length === 0) return false;
  const wait = next ? Math.max(0, next.due - Date.now()) : undefined;
  if (waits.length === 0) sleep(wait!);
  else events(wait);
  const now = Date.now();
  const due = timers.filter((timer) => timer.due <= now).sort((one, other) => one.due - other.due || one.id - other.id);
  for (const timer of due) {
    if (!timers.includes(timer)) continue;
    if (timer.interval === undefined) clearTimer(timer.id);
    else timer.due = now + timer.interval;
    queue(timer.action);
    runJobs();
  }
  return true;
}

function sleep(ms: number): void {
  if (ms <= 0) return;
  const pollable = clock.subscribeDuration(Math.ceil(ms * NANOSECONDS));
  pollable.block();
  pollable[Symbol.dispose]();
}

function events(wait: number | undefined): void {
  const alarm = wait === undefined ? undefined : clock.subscribeDuration(Math.ceil(wait * NANOSECONDS));
  const asked = waits;
  const ready = new Set(poll.poll([...asked.map(({ pollable }) => pollable), ...(alarm ? [alarm] : [])]));
  alarm?.[Symbol.dispose]();
  waits = asked.filter((_wait, index) => !ready.has(index));
  for (const [index, { pollable, ready: call }] of asked.entries()) {
    if (!ready.has(index)) continue;
    pollable[Symbol.dispose]();
    queue(call);
  }
}
