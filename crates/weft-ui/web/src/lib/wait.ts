/**
 * What a deferred instance waits for, read from the text that the API gives: `event/paid`, `run/ID`, `dag/ID/MS`, `call/ID`,
 * `approval/DEFAULT`. Pure.
 */

export type Wait =
  | { kind: "event"; name: string }
  /** The end of a run; `called` if the instance called it itself. */
  | { kind: "run"; run: string; called: boolean }
  /** The end of a DAG's run for a date, which there need not be yet. */
  | { kind: "dag"; dag: string; date: string }
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
      const last = key.lastIndexOf("/");
      const at = /^-?\d+$/.test(key.slice(last + 1)) ? Number(key.slice(last + 1)) : Number.NaN;
      if (last > 0 && Math.abs(at) <= MAX_MS)
        return { kind: "dag", dag: key.slice(0, last), date: new Date(at).toISOString() };
    }
  }
  return { kind: "unknown", text };
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
