/**
 * One attempt of a task: inputs from JSON, the function, and what came of it.
 * Sandbox and runner of tests call the same function, so that a DAG that
 * passes `run(dag)` has met every check of the sandbox's border.
 */

import { Update } from "./asset.js";
import { Context } from "./context.js";
import { Defer, Fail, Retry, Skip } from "./ending.js";
import { current } from "./host.js";
import type { Node } from "./node.js";
import { checked } from "./schema.js";
import { decode, encode, Misfit } from "./wire.js";

export type Outcome =
  | { kind: "success"; output: unknown }
  /** What a task answers instead of an output; see `control.schema.json`. */
  | { kind: "control"; control: Record<string, unknown> }
  | { kind: "failure"; retryable: boolean; message: string; more?: Record<string, unknown> };

/** Runs one attempt, with the host installed. Never throws. */
export async function run(node: Node, given: Readonly<Record<string, unknown>>): Promise<Outcome> {
  let inputs: Record<string, unknown>;
  try {
    inputs = await taken(node, given);
  } catch (error) {
    return error instanceof Misfit ? failed(new Fail(`input ${error.message}`)) : crashed(error);
  }
  let result: unknown;
  try {
    result = await node.task.body(inputs, new Context());
  } catch (error) {
    if (error instanceof Skip) {
      return { kind: "control", control: { kind: "skip", ...(error.message && { reason: error.message }) } };
    }
    if (error instanceof Defer) return deferred(error);
    return crashed(error);
  }
  try {
    return await ended(node, result);
  } catch (error) {
    return error instanceof Misfit ? failed(new Fail(unfit(node, error))) : crashed(error);
  }
}

async function taken(node: Node, given: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
  const inputs: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(node.arguments(given))) {
    const decoded = decode(value);
    const schema = node.task.types.inputs?.[name];
    const lacks = decoded === null && node.mayLackInputs;
    inputs[name] = schema === undefined || lacks ? decoded : await checked(schema, decoded, name);
  }
  return inputs;
}

async function ended(node: Node, result: unknown): Promise<Outcome> {
  if (result instanceof Update) return await updated(node, result);
  if (node.task.branches) return { kind: "control", control: { kind: "branch", tasks: chosen(node, result) } };
  return { kind: "success", output: await outputOf(node, result) };
}

async function outputOf(node: Node, result: unknown): Promise<unknown> {
  const { output } = node.task.types;
  const value = output === undefined ? result : await checked(output, result, "output");
  return encode(value, "output");
}

async function updated(node: Node, { output, assets }: Update): Promise<Outcome> {
  if (node.task.branches) return failed(new Fail(`${node.id}: a branch has no update(...); its outlets are updated without one`));
  const outlets = (node.settings.outlets ?? []) as readonly string[];
  for (const asset of assets.map((one) => one.asset as string)) {
    if (outlets.includes(asset)) continue;
    const add = `task({ outlets: ${JSON.stringify([...outlets, asset])} }, ...)`;
    return failed(new Fail(`${node.id} updates ${asset}, which is none of its outlets (${outlets.join(", ") || "it has none"}); add it: ${add}`));
  }
  return { kind: "control", control: { kind: "update", assets, output: await outputOf(node, output) } };
}

function chosen(node: Node, result: unknown): string[] {
  const names = [result ?? []].flat().map((item: unknown) => (typeof item === "string" ? item : String((item as { id?: unknown } | null)?.id)));
  const known = node.downstream.map((other) => other.id);
  for (const name of names) {
    if (!known.includes(name)) {
      throw new Misfit("", `${node.id} chose ${JSON.stringify(name)}, which is none of its direct downstreams (${known.join(", ") || "it has none"})`);
    }
  }
  return [...new Set(names)];
}

function deferred(defer: Defer): Outcome {
  try {
    return { kind: "control", control: { kind: "defer", ...wake(defer), state: encode(defer.state, "state") } };
  } catch (error) {
    return failed(new Fail(`the deferral's ${(error as Error).message}`));
  }
}

/** What wakes the task. */
function wake({ until, afterMs, event, run, dag, logicalDate, task, asset, partition, since, call, approval, timeoutMs }: Defer): Record<string, unknown> {
  if (until !== undefined) return { until: until.toISOString() };
  if (afterMs !== undefined) return { after_ms: afterMs };
  if (event !== undefined) return { event, timeout_ms: timeoutMs ?? null };
  const ofRun = task === undefined ? {} : { task };
  if (run !== undefined) return { run, ...ofRun, timeout_ms: timeoutMs ?? null };
  if (asset !== undefined) {
    const narrowed = { ...(partition !== undefined && { partition }), ...(since !== undefined && { since: since.toISOString() }) };
    return { asset, ...narrowed, timeout_ms: timeoutMs ?? null };
  }
  if (approval !== undefined) return { approval: encode(approval, "approval"), timeout_ms: timeoutMs ?? null };
  if (call === undefined) return { dag, logical_date: logicalDate!.toISOString(), ...ofRun, timeout_ms: timeoutMs ?? null };
  const called: Record<string, unknown> = { dag: call.dag, params: encode(call.params ?? {}, "params"), wait: call.wait ?? true };
  if (call.logicalDate !== undefined) called.logical_date = call.logicalDate.toISOString();
  return { call: called, timeout_ms: timeoutMs ?? null };
}

function crashed(error: unknown): Outcome {
  const host = current();
  host.log("error", host.trace(error), []);
  return failed(error);
}

function unfit(node: Node, misfit: Misfit): string {
  const what = misfit.at === "" ? "chose what it can't choose" : node.task.types.output ? "returned what its schema doesn't say" : "returned a value that can't be passed on";
  return `${node.task.id} ${what}${place(node)}: ${misfit.message}`;
}

/** Where the task was written, if that is known. */
function place(node: Node): string {
  const written = new Error();
  written.stack = node.task.written;
  const found = current().trace(written).match(/\(([^()]+:\d+):\d+\)/);
  return found ? ` (${found[1]})` : "";
}

function failed(error: unknown): Outcome {
  const { name = "", message = "" } = error instanceof Error ? error : { message: String(error) };
  const own = error instanceof Fail || error instanceof Retry;
  const more: Record<string, unknown> = {};
  if (error instanceof Retry) {
    if (error.afterMs !== undefined) more.retry_after_ms = error.afterMs;
    if (error.details !== undefined) more.details = error.details;
  }
  return {
    kind: "failure",
    retryable: !isPermanent(error),
    message: own ? message || name : [name, message].filter(Boolean).join(": ") || "it threw nothing",
    ...(Object.keys(more).length > 0 && { more }),
  };
}

/** Whether a retry can't fix the failure or one of its causes. */
export function isPermanent(error: unknown): boolean {
  const seen = new Set<unknown>();
  for (let next = error; next instanceof Error && !seen.has(next); next = next.cause) {
    if (next instanceof Fail) return true;
    seen.add(next);
  }
  return false;
}
