/**
 * Waits for a condition, inside of a task function and without holding a worker.
 *
 *     import { waitUntil } from "@weft/sdk/sensors";
 *
 *     const wait = task(async function wait(_: {}, context: Context) {
 *       await waitUntil(context, async () => (await orders()).length >= 10, { every: 60, timeout: 3600 });
 *     });
 *
 * A sensor that is not done ends the attempt with a deferral, and the next
 * attempt runs the task from its start. So a sensor comes first in its task, and
 * a task has one of them: the state of the deferral is the sensor's.
 */

import { isPermanent } from "./attempt.js";
import type { Context, ObservedUpdate } from "./context.js";
import { Defer, Fail, milliseconds } from "./ending.js";
import { log } from "./log.js";

/** How a condition is checked; spans are seconds. */
export interface SensorOptions {
  /** The wait between two checks; a minute where it is left out. */
  every?: number;
  /** Each further wait is this many times the one before: 1 or more. */
  backoff?: number;
  /** The longest wait between two checks. */
  maxEvery?: number;
  /** How long the condition is waited for: the last check is then, and the task fails for good. */
  timeout?: number;
}

export interface HttpOptions extends SensorOptions {
  method?: string;
  headers?: Readonly<Record<string, string>>;
}

/** A value that counts as true. */
type Found<T> = Exclude<T, null | undefined | false | 0 | "">;

interface Counters {
  beganMs: number;
  checks: number;
  waitedMs: number;
  nextMs: number;
}

/** Longer than any run: a hundred years. */
const LONGEST_MS = 100 * 365 * 86_400_000;

/** The longest wait for the head of an answer. */
const PROBE_TIMEOUT_MS = 30_000;

const DAY_MS = 86_400_000;

/** What `check` returns, once that counts as true. Throws a deferral where it does not. */
export async function waitUntil<T>(
  context: Context,
  check: () => T | Promise<T>,
  { every = 60, backoff = 1, maxEvery, timeout }: SensorOptions = {},
): Promise<Found<T>> {
  const first = milliseconds(every);
  const longest = maxEvery === undefined ? LONGEST_MS : milliseconds(maxEvery);
  const limit = timeout === undefined ? undefined : milliseconds(timeout);
  if (first === 0) throw new RangeError("`every` is longer than 0: a sensor that never waits would hold its worker");
  if (!(backoff >= 1)) throw new RangeError(`\`backoff\` is at least 1, not ${backoff}`);
  const found = await check();
  if (found) return found as Found<T>;
  const now = Date.now();
  const left = (context.resumed as { sensor?: Counters } | null)?.sensor;
  const { beganMs, checks, waitedMs, nextMs } = left ?? { beganMs: now, checks: 0, waitedMs: 0, nextMs: first };
  // In a test nothing is waited for, so the clock alone would never end it.
  const passed = Math.max(now - beganMs, waitedMs);
  if (limit !== undefined && passed >= limit) {
    throw new Fail(`the condition does not hold after ${limit / 1000} s and ${checks + 1} checks`);
  }
  const whole = Math.min(nextMs, longest);
  const wait = limit === undefined ? whole : Math.min(whole, limit - passed);
  const following = Math.round(Math.min(whole * backoff, longest));
  const sensor: Counters = { beganMs, checks: checks + 1, waitedMs: waitedMs + wait, nextMs: following };
  throw new Defer({ after: wait / 1000, state: { sensor } });
}

/**
 * Waits until a request to the URL is answered with a status from 200 to 299. Any other answer and a
 * connection that fails are tried again; a host that the task was not granted fails it. Redirects are followed.
 */
export async function httpReady(context: Context, url: string | URL, { method = "GET", headers = {}, ...options }: HttpOptions = {}): Promise<void> {
  const shown = new URL(url);
  shown.search = "";
  await waitUntil(context, () => probe(url, method, headers, shown.href), options);
}

/** Waits until an object store has an object: `httpReady` with HEAD requests. The URL is public, or presigned for HEAD. */
export async function objectExists(context: Context, url: string | URL, options: Omit<HttpOptions, "method"> = {}): Promise<void> {
  await httpReady(context, url, { ...options, method: "HEAD" });
}

async function probe(url: string | URL, method: string, headers: Readonly<Record<string, string>>, shown: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { method, headers: { ...headers }, signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await answer.body?.cancel();
    if (answer.ok) return true;
    log.info(`${method} ${shown} answered ${answer.status}`);
  } catch (error) {
    if (isPermanent(error)) throw error;
    log.info(`${method} ${shown}: ${(error as Error).message}`);
  }
  return false;
}

/**
 * Goes on between two times of day in UTC, such as `"22:00"` and `"06:00"`, and waits for the first of
 * them otherwise. The sandbox's engine knows no other zones.
 */
export function timeWindow(_context: Context, start: string, end: string): void {
  const [opens, closes] = [clock("start", start), clock("end", end)];
  if (opens === closes) throw new RangeError(`a window from ${start} to ${end} is empty`);
  const now = Date.now();
  const time = ((now % DAY_MS) + DAY_MS) % DAY_MS;
  const inside = opens < closes ? opens <= time && time < closes : time >= opens || time < closes;
  if (inside) return;
  const begin = now - time + opens;
  throw new Defer({ until: new Date(begin > now ? begin : begin + DAY_MS) });
}

/** A time of day in milliseconds. */
function clock(name: string, text: string): number {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  if (hours === undefined) throw new RangeError(`\`${name}\` is a time of day such as "22:00", not ${JSON.stringify(text)}`);
  return (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/**
 * Waits until the scheduled or backfilled run of another DAG, or with `task` this task of it, has succeeded,
 * and returns the run's id. The run is the one for `logicalDate`, or for the date of the task's own run. One
 * that fails, or does not end within `timeout` seconds, fails the task for good; so does a `task` that is skipped.
 */
export function otherDag(
  context: Context,
  dag: string,
  { logicalDate, task, timeout }: { logicalDate?: Date; task?: string; timeout?: number } = {},
): string {
  const { woken } = context;
  // A task that a person resumed looks again; the run may have ended.
  if (woken === null || woken.byCommand) throw new Defer({ dag, logicalDate: logicalDate ?? context.logicalDate, task, timeout });
  if (woken.timedOut && task !== undefined) throw new Fail(`task ${task} of DAG ${dag} did not end in time`);
  woken.succeeded();
  return woken.run!;
}

/**
 * Waits until an asset is updated, or with `partition` this partition of it, and returns the update. Updates before
 * `since` don't count; without `since` those before the attempt started don't. Fails the task for good where no
 * update comes within `timeout` seconds.
 */
export function assetUpdated(
  context: Context,
  asset: string,
  { partition, since, timeout }: { partition?: string; since?: Date; timeout?: number } = {},
): ObservedUpdate {
  const { woken } = context;
  // A task that a person resumed waits again.
  if (woken === null || woken.byCommand) throw new Defer({ asset, partition, since, timeout });
  if (woken.update !== undefined) return woken.update;
  const which = partition === undefined ? `the asset ${asset}` : `the partition ${partition} of the asset ${asset}`;
  throw new Fail(woken.timedOut ? `${which} was not updated in time` : `the task was woken by something else than an update of ${which}`);
}
