/**
 * DAGs and tasks in the test's own process, with no WebAssembly.
 *
 *     const result = await run(quakes, { threshold: 6 });
 *     assert.equal(result.states.alert, "success");
 *
 * Inputs and outputs go through JSON as they do in the sandbox. Retries and
 * deferrals happen at once, since a test has no time to wait. What differs: no
 * limits, no grants for HTTP, and Node's own globals.
 */

import { run as attemptOf } from "./attempt.js";
import type { Dag } from "./dag.js";
import { type AttemptDocument, install } from "./host.js";
import { type LogLine, TestHost } from "./local/host.js";
import { verdict } from "./local/rules.js";
import type { Binding, Node } from "./node.js";
import { encode } from "./wire.js";

export type { LogLine } from "./local/host.js";

/** A task that defers itself more often than this is taken to wait for ever. */
const MOST_DEFERRALS = 1000;

export type State = "success" | "failed" | "skipped" | "upstream_failed";

/** How one task, or one instance of a mapped one, ended. */
export interface Instance {
  state: State;
  output?: unknown;
  message?: string;
  attempts: number;
  chosen?: string[];
}

export interface RunOptions {
  logicalDate?: Date;
  variables?: Record<string, string>;
  /** Payloads of events that are sent to the run; the wait for any other ends with its timeout, or fails without one. */
  events?: Record<string, unknown>;
}

/** A task of the run failed. */
export class RunFailed extends Error {
  override name = "RunFailed";

  constructor(message: string, readonly result: Result) {
    super(message);
  }
}

/** A run that has ended. */
export class Result {
  readonly instances = new Map<string, Instance[]>();
  readonly mapped = new Set<string>();
  readonly log: LogLine[] = [];

  constructor(readonly dag: Dag, readonly params: Record<string, unknown>) {}

  /** What a task returned, as JSON; of a mapped one the list. */
  output(task: string): unknown {
    const instances = this.instances.get(task);
    if (!instances) throw new TypeError(`DAG ${this.dag.id} has no task ${JSON.stringify(task)}; it has ${[...this.dag.nodes.keys()].join(", ")}`);
    if (!this.mapped.has(task)) return instances[0]?.output ?? null;
    return instances.filter(({ state }) => state === "success").map(({ output }) => output);
  }

  get states(): Record<string, State> {
    return Object.fromEntries([...this.instances].map(([task, instances]) => [task, together(instances.map(({ state }) => state))]));
  }
}

function together(states: State[]): State {
  if (states.includes("failed")) return "failed";
  if (states.includes("upstream_failed")) return "upstream_failed";
  return states.every((state) => state === "skipped") ? "skipped" : "success";
}

/** Runs a DAG, one task after the other. A failed run throws `RunFailed`. */
export async function run(dag: Dag, params: Record<string, unknown> = {}, options: RunOptions = {}): Promise<Result> {
  const result = new Result(dag, filledIn(dag, params));
  const runner = new Runner(result, options);
  for (const node of inOrder(dag)) await runner.node(node);
  for (const [task, instances] of result.instances) {
    for (const { state, message } of instances) {
      if (state === "failed") throw new RunFailed(`${dag.id}.${task}: ${message}`, result);
    }
  }
  return result;
}

export interface AttemptOptions extends RunOptions {
  tryNumber?: number;
  mapIndex?: number;
  params?: Record<string, unknown>;
  resumed?: unknown;
  /** The event that woke it. */
  event?: { name: string; payload?: unknown };
  /** As woken because no event came in time. */
  timedOut?: boolean;
}

/** Calls a function as if a task were running, and answers with what it returned. */
export async function attempt<T>(options: AttemptOptions, body: (host: TestHost) => T | Promise<T>): Promise<T> {
  const document = attemptDocument("dag", "task", options.params ?? {}, options);
  document.number = options.tryNumber ?? 1;
  document.map_index = options.mapIndex ?? null;
  if (options.event) document.woken = { event: options.event.name, payload: options.event.payload ?? null };
  else if (options.timedOut) document.woken = { timeout: true };
  const host = new TestHost(document, new Map(), options.variables ?? {}, undefined, options.resumed ?? null);
  const before = install(host);
  try {
    return await body(host);
  } finally {
    install(before);
  }
}

class Runner {
  readonly #unchosen = new Set<string>();
  readonly #artifacts = new Map<string, Uint8Array>();

  constructor(readonly result: Result, readonly options: RunOptions) {}

  async node(node: Node): Promise<void> {
    const states = [...node.upstream].flatMap((other) => this.result.instances.get(other.id)!.map(({ state }) => state));
    const decision = this.#unchosen.has(node.id) ? "skipped" : verdict(node.rule, states);
    this.result.instances.set(node.id, decision === "run" ? await this.#instances(node) : [{ state: decision, attempts: 0 }]);
  }

  async #instances(node: Node): Promise<Instance[]> {
    const inputs = this.#values(node.inputs);
    const names = Object.keys(node.expand);
    if (names.length === 0) {
      const instance = await this.#instance(node, inputs, null);
      if (instance.chosen) this.#leaveOut(node, instance.chosen);
      return [instance];
    }
    this.result.mapped.add(node.id);
    let combinations: Record<string, unknown>[] = [inputs];
    for (const [name, list] of Object.entries(this.#values(node.expand))) {
      if (!Array.isArray(list)) return [{ state: "failed", message: `${name} is no list`, attempts: 0 }];
      combinations = combinations.flatMap((before) => list.map((item: unknown) => ({ ...before, [name]: item })));
    }
    const instances: Instance[] = [];
    for (const [index, given] of combinations.entries()) instances.push(await this.#instance(node, given, index));
    return instances.length > 0 ? instances : [{ state: "skipped", attempts: 0 }];
  }

  async #instance(node: Node, inputs: Record<string, unknown>, index: number | null): Promise<Instance> {
    const granted = ((node.settings.grants as { variables?: string[] } | undefined)?.variables ?? []) as readonly string[];
    const retries = Number(node.settings.retries ?? 0);
    let resumed: unknown = null;
    let woken: AttemptDocument["woken"] = null;
    for (let attempts = 1, deferrals = 0; ; ) {
      const document = attemptDocument(this.result.dag.id, node.id, this.result.params, this.options);
      document.number = attempts;
      document.map_index = index;
      if (woken) document.woken = woken;
      const host = new TestHost(document, this.#artifacts, this.options.variables ?? {}, granted, resumed, this.result.log);
      const before = install(host);
      const outcome = await attemptOf(node, structuredClone(inputs)).finally(() => install(before));
      if (outcome.kind === "success") return { state: "success", output: JSON.parse(JSON.stringify(outcome.output)), attempts };
      if (outcome.kind === "failure") {
        if (!outcome.retryable || attempts > retries) return { state: "failed", message: outcome.message, attempts };
        attempts += 1;
        resumed = woken = null;
      } else if (outcome.control.kind === "skip") {
        return { state: "skipped", message: outcome.control.reason as string, attempts };
      } else if (outcome.control.kind === "branch") {
        return { state: "success", output: null, chosen: outcome.control.tasks as string[], attempts };
      } else {
        deferrals += 1;
        if (deferrals > MOST_DEFERRALS) return { state: "failed", message: "it defers itself for ever", attempts };
        resumed = outcome.control.state;
        const { event, timeout_ms: timeout } = outcome.control as { event?: string; timeout_ms?: number | null };
        woken = event === undefined ? null : this.#ends(event, timeout ?? null);
        if (woken === undefined) return { state: "failed", message: `it waits for ever: add events: { ${JSON.stringify(event)}: ... }`, attempts };
      }
    }
  }

  /** What ends the wait for an event; nothing where neither it nor a timeout comes. */
  #ends(event: string, timeout: number | null): AttemptDocument["woken"] {
    const events = this.options.events ?? {};
    if (Object.hasOwn(events, event)) return { event, payload: events[event] ?? null };
    return timeout === null ? undefined : { timeout: true };
  }

  /** The direct downstreams that were not chosen, and can't be reached through one that was. */
  #leaveOut(node: Node, chosen: string[]): void {
    const reached = new Set<Node>();
    const pending = node.downstream.filter((other) => chosen.includes(other.id));
    for (let next = pending.pop(); next; next = pending.pop()) {
      if (!reached.has(next)) pending.push(...next.downstream);
      reached.add(next);
    }
    for (const other of node.downstream) if (!reached.has(other)) this.#unchosen.add(other.id);
  }

  #values(bindings: Record<string, Binding>): Record<string, unknown> {
    return Object.fromEntries(Object.entries(bindings).map(([name, binding]) => [name, this.#value(binding)]));
  }

  #value(given: Binding): unknown {
    const binding = typeof given === "string" ? { task: given } : given;
    if ("value" in binding) return binding.value;
    let value: unknown = binding.task === undefined ? this.result.params[binding.param!] : this.result.output(binding.task);
    for (const part of (binding.pointer ?? "").split("/").slice(1)) {
      if (value === null || value === undefined) return null;
      const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
      if (typeof value !== "object" || !Object.hasOwn(value, key)) {
        throw new RunFailed(`${this.result.dag.id}: ${JSON.stringify(binding)} leads nowhere`, this.result);
      }
      value = (value as Record<string, unknown>)[key];
    }
    return value;
  }
}

function filledIn(dag: Dag, given: Record<string, unknown>): Record<string, unknown> {
  for (const name of Object.keys(given)) {
    if (!(name in dag.params)) throw new TypeError(`DAG ${dag.id} has no parameter ${JSON.stringify(name)}; it has ${Object.keys(dag.params).join(", ") || "none"}`);
  }
  const values = Object.entries(dag.params).map(([name, settings]) => {
    const value = given[name] ?? settings.default;
    if (value === undefined) throw new TypeError(`DAG ${dag.id}: parameter ${JSON.stringify(name)} has no default: run(dag, { ${name}: ... })`);
    return [name, encode(value, name)];
  });
  return Object.fromEntries(values);
}

function inOrder(dag: Dag): Node[] {
  const order = new Set<Node>();
  const visit = (node: Node, path: Node[]): void => {
    if (path.includes(node)) throw new TypeError(`DAG ${dag.id} goes in a circle: ${[...path, node].map(({ id }) => id).join(" -> ")}`);
    if (order.has(node)) return;
    for (const other of node.upstream) visit(other, [...path, node]);
    order.add(node);
  };
  for (const node of dag.nodes.values()) visit(node, []);
  return [...order];
}

function attemptDocument(dag: string, task: string, params: Record<string, unknown>, { logicalDate = new Date() }: RunOptions): AttemptDocument {
  const moment = logicalDate.toISOString();
  return {
    tenant: "default",
    dag,
    run: "test",
    task,
    map_index: null,
    number: 1,
    logical_date: moment,
    data_interval: { start: moment, end: moment },
    params,
    deadline: null,
    idempotency_key: `test-${task}`,
  };
}
