/**
 * What a deferred instance waits for, read from the text that the API gives: `event/paid`, `run/ID`, `dag/ID/MS`, `call/ID`,
 * `run_task/ID/TASK`, `dag_task/ID/MS/TASK`, `asset/MS/NAME PARTITION`, `approval/DEFAULT`. Pure.
 */

export type Wait =
  | { kind: "event"; name: string }
  /** The end of a run, or of this task of it; `called` if the instance called it itself. */
  | { kind: "run"; run: string; called: boolean; task?: string }
  /** The end of a DAG's run for a date, which there need not be yet, or of this task of it. */
  | { kind: "dag"; dag: string; date: string; task?: string }
  /** An update of an asset, or of this partition of it. */
  | { kind: "asset"; asset: string; since: string; partition?: string }
  /** An answer of somebody; `default` counts where no one gives one in time. */
  | { kind: "approval"; default?: string }
  /** Of a newer server. */
  | { kind: "unknown"; text: string };

/** The latest point in time that a `Date` can hold, in ms. */
const MAX_MS = 8.64e15;

/** Undefined where it waits for nothing but a time or a person. */
export function waitOf(text: string | null | undefined): Wait | undefined {
  if (!text) return undefined;
  const slash = text.indexOf("/");
  const key = text.slice(slash + 1);
  if (text === "approval/") return { kind: "approval" };
  if (slash < 0 || key === "") return { kind: "unknown", text };
  switch (text.slice(0, slash)) {
    case "event":
      return { kind: "event", name: key };
    case "approval":
      return { kind: "approval", default: key };
    case "run":
      return { kind: "run", run: key, called: false };
    case "call":
      return { kind: "run", run: key, called: true };
    case "dag": {
      const run = runOf(key);
      if (run) return { kind: "dag", ...run };
      break;
    }
    case "run_task": {
      const [run, task, ...more] = key.split("/");
      if (run && task && more.length === 0) return { kind: "run", run, called: false, task };
      break;
    }
    case "dag_task": {
      const last = key.lastIndexOf("/");
      const run = runOf(key.slice(0, Math.max(last, 0)));
      if (run && last + 1 < key.length) return { kind: "dag", ...run, task: key.slice(last + 1) };
      break;
    }
    case "asset": {
      const first = key.indexOf("/");
      const since = dateOf(key.slice(0, Math.max(first, 0)));
      const [asset, ...partition] = key.slice(first + 1).split(" ");
      if (!since || !asset) break;
      if (partition.length === 0) return { kind: "asset", asset, since };
      return { kind: "asset", asset, since, partition: partition.join(" ") };
    }
  }
  return { kind: "unknown", text };
}

/** `ID/MS`. */
function runOf(key: string): { dag: string; date: string } | undefined {
  const last = key.lastIndexOf("/");
  const date = dateOf(key.slice(last + 1));
  return last > 0 && date ? { dag: key.slice(0, last), date } : undefined;
}

/** Milliseconds since 1970 as RFC 3339. */
function dateOf(ms: string): string | undefined {
  const at = /^-?\d+$/.test(ms) ? Number(ms) : Number.NaN;
  return Math.abs(at) <= MAX_MS ? new Date(at).toISOString() : undefined;
}

/** The longest payload of an event, in bytes of JSON. */
export const MAX_PAYLOAD_BYTES = 64 * 1024;

/** The payload that a person typed: nothing is `null`. Throws what is wrong, in words. */
export function payloadOf(text: string): unknown {
  if (text.trim() === "") return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`This is no JSON: ${why}. A text stands in quotes: "paid".`);
  }
  const size = new TextEncoder().encode(JSON.stringify(value)).length;
  if (size > MAX_PAYLOAD_BYTES)
    throw new Error(
      `The payload has ${size} bytes, and at most ${MAX_PAYLOAD_BYTES} are sent: name where the data are.`,
    );
  return value;
}
