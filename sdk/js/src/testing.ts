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

import type { RecordedUpdate } from "./asset.js";
import { run as attemptOf } from "./attempt.js";
import type { Dag } from "./dag.js";
import { pick } from "./each.js";
import { type AttemptDocument, type DecisionDocument, install, type ObservedUpdateDocument, type WokenDocument } from "./host.js";
import { type LogLine, TestHost } from "./local/host.js";
import { type Inputs, takenApart } from "./local/lists.js";
import { teardownVerdict, verdict } from "./local/rules.js";
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
  /** What it reported of its outlets. */
  updates?: readonly UpdateDocument[];
}

/** An update as a task reports it. */
interface UpdateDocument {
  asset: string;
  partition?: string;
  metadata?: Record<string, unknown>;
}

export interface RunOptions {
  logicalDate?: Date;
  variables?: Record<string, string>;
  /** Payloads of events that are sent to the run; the wait for any other ends with its timeout, or fails without one. */
  events?: Record<string, unknown>;
  /**
   * How runs end that tasks wait for or call, by the DAG's id or the run's; as `events`. A call without
   * its grant is refused.
   */
  runs?: Record<string, RunEnd>;
  /** Updates that tasks wait for, by the asset's name: one, or a list as `result.assets` has it; as `events`. */
  assets?: Record<string, GivenUpdate | readonly GivenUpdate[]>;
  /** The answers to what tasks ask, by task: an option, or more; as `events`. */
  approvals?: Record<string, string | Answer>;
}

/** An answer to what a task asks. */
export interface Answer {
  option: string;
  comment?: string;
  fields?: Record<string, unknown>;
  by?: string;
}

/** How a run of another DAG ends, with success where it says nothing; or how the call of it is refused. */
export interface RunEnd {
  run?: string;
  dag?: string;
  state?: (typeof ENDS)[number];
  /** How its tasks end, for waits for a task; as `events`. */
  tasks?: Record<string, (typeof TASK_ENDS)[number]>;
  outputs?: Record<string, unknown>;
  error?: { code: string; message: string };
}

/** How a run can end, and `missing` for one that there is not. */
const ENDS = ["success", "failed", "cancelled", "missing"] as const;

/** The same of a task. */
const TASK_ENDS = ["success", "failed", "skipped", "cancelled", "missing"] as const;

/** An update of an asset: of the whole asset where it has no partition, and while the task waits where it has no time. */
export interface GivenUpdate {
  partition?: string;
  metadata?: Record<string, unknown>;
  /** A `Date`, or text in RFC 3339 as `result.assets` has it. */
  at?: Date | string;
  run?: string;
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

  constructor(readonly dag: Dag, readonly params: Record<string, unknown>, readonly logicalDate = new Date()) {}

  /** What a task returned, as JSON; of a mapped one the list. */
  output(task: string): unknown {
    const instances = this.instances.get(task);
    if (!instances) throw new TypeError(`DAG ${this.dag.id} has no task ${JSON.stringify(task)}; it has ${[...this.dag.nodes.keys()].join(", ")}`);
    if (!this.mapped.has(task)) return instances[0]?.output ?? null;
    return instances.filter(({ state }) => state === "success").map(({ output }) => output);
  }

  /**
   * The updates of each asset, as a run that they create has them in its parameter `assets`. So a test of the DAG that
   * they create is `run(consumer, { assets: produced.assets })`.
   */
  get assets(): Record<string, RecordedUpdate[]> {
    const found: Record<string, RecordedUpdate[]> = {};
    for (const [task, instances] of this.instances) {
      const outlets = (this.dag.nodes.get(task)!.settings.outlets ?? []) as readonly string[];
      for (const { state, updates = [] } of instances) {
        if (state !== "success") continue;
        const plain = outlets.filter((asset) => !updates.some((one) => one.asset === asset)).map((asset): UpdateDocument => ({ asset }));
        for (const { asset, ...update } of [...updates, ...plain]) {
          (found[asset] ??= []).push({ ...update, at: this.logicalDate.toISOString(), run: "test" });
        }
      }
    }
    return found;
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
  const result = new Result(dag, filledIn(dag, params), options.logicalDate);
  for (const [name, end] of Object.entries(options.runs ?? {})) check(name, end);
  for (const [name, updates] of Object.entries(options.assets ?? {})) [updates].flat().forEach((update) => checkUpdate(name, update));
  for (const task of Object.keys(options.approvals ?? {})) {
    const tasks = [...dag.nodes.keys()];
    if (!tasks.includes(task)) throw new TypeError(`approvals: { ${JSON.stringify(task)}: ... }: ${dag.id} has no such task; it has ${tasks.join(", ")}`);
  }
  const runner = new Runner(result, options);
  for (const node of inOrder(dag)) await runner.node(node);
  const counting = [...result.instances].filter(([task]) => !dag.nodes.get(task)!.ignored);
  const ended = counting.flatMap(([task, instances]) => instances.map(({ state, message }) => ({ task, state, message })));
  const failed = ended.find(({ state }) => state === "failed") ?? ended.find(({ state }) => state === "upstream_failed");
  if (failed) throw new RunFailed(`${dag.id}.${failed.task}: ${failed.message ?? failed.state}`, result);
  return result;
}

export interface AttemptOptions extends RunOptions {
  tryNumber?: number;
  mapIndex?: number;
  params?: Record<string, unknown>;
  resumed?: unknown;
  /** The event that woke it. */
  event?: { name: string; payload?: unknown };
  /**
   * The run that ended, which it waited for, or called: `{ dag: "child", outputs: { report: 3 } }`. With `task`, the
   * task of that run, which it waited for: `{ dag: "daily", task: "load", state: "skipped" }`.
   */
  run?: Omit<RunEnd, "error" | "state" | "tasks"> & { task?: string; state?: RunEnd["state"] | "skipped" | "queued" };
  /** The update that it waited for. */
  update?: GivenUpdate & { asset: string };
  /** As woken because its call was refused. */
  callRefused?: { code: string; message: string };
  /** The answer to what it asked. */
  approval?: Answer;
  /** As woken because what it waited for did not come in time. */
  timedOut?: boolean;
}

/** Calls a function as if a task were running, and answers with what it returned. */
export async function attempt<T>(options: AttemptOptions, body: (host: TestHost) => T | Promise<T>): Promise<T> {
  const document = attemptDocument("dag", "task", options.params ?? {}, options);
  document.number = options.tryNumber ?? 1;
  document.map_index = options.mapIndex ?? null;
  if (options.event) document.woken = { event: options.event.name, payload: options.event.payload ?? null };
  else if (options.run) document.woken = { run: "test", dag: null, state: "success", ...options.run };
  else if (options.update) document.woken = { update: updateDocument(options.update.asset, options.update, new Date()) };
  else if (options.callRefused) document.woken = { error: options.callRefused };
  else if (options.approval) document.woken = { approval: decided(options.approval) };
  else if (options.timedOut) document.woken = { timeout: true };
  const host = new TestHost(document, new Map(), options.variables ?? {}, undefined, options.resumed ?? null);
  const before = install(host);
  try {
    return await body(host);
  } finally {
    install(before);
  }
}

function decided({ option, comment, fields, by }: Answer): DecisionDocument {
  return { option, comment: comment ?? null, fields: fields ?? {}, by: by ?? "test", at: null };
}

function updateDocument(asset: string, { partition, metadata, at, run }: GivenUpdate, now: Date): ObservedUpdateDocument {
  return { asset, partition: partition ?? null, metadata: metadata ?? null, at: new Date(at ?? now).toISOString(), run: run ?? null };
}

/** The parts of a deferral that say what it waits for. */
interface WaitDocument {
  event?: string;
  run?: string;
  dag?: string;
  task?: string;
  asset?: string;
  partition?: string;
  since?: string;
  call?: { dag: string; wait: boolean };
  approval?: { options?: string[]; default?: string };
  timeout_ms?: number | null;
}

function check(name: string, end: RunEnd): void {
  const where = `runs: { ${JSON.stringify(name)}: ... }`;
  const known = ["run", "dag", "state", "tasks", "outputs", "error"];
  if (typeof end !== "object" || end === null || Object.keys(end).some((field) => !known.includes(field))) {
    throw new TypeError(`${where} takes an object with state, tasks, outputs, run, dag, or error, not ${JSON.stringify(end)}`);
  }
  if (end.state !== undefined && !ENDS.includes(end.state)) {
    throw new TypeError(`${where}: the state is one of ${ENDS.join(", ")}, not ${JSON.stringify(end.state)}`);
  }
  for (const [task, state] of Object.entries(end.tasks ?? {})) {
    if (TASK_ENDS.includes(state)) continue;
    throw new TypeError(`${where}: the state of the task ${task} is one of ${TASK_ENDS.join(", ")}, not ${JSON.stringify(state)}`);
  }
  const { error } = end;
  if (error !== undefined && (typeof error?.code !== "string" || typeof error.message !== "string")) {
    throw new TypeError(`${where}: an error has a code and a message`);
  }
}

function checkUpdate(name: string, update: GivenUpdate): void {
  const where = `assets: { ${JSON.stringify(name)}: ... }`;
  const known = ["partition", "metadata", "at", "run"];
  if (typeof update !== "object" || update === null || Object.keys(update).some((field) => !known.includes(field))) {
    throw new TypeError(`${where} takes an object with partition, metadata, at, or run, not ${JSON.stringify(update)}`);
  }
  if (update.at !== undefined && Number.isNaN(new Date(update.at).getTime())) {
    throw new TypeError(`${where}: \`at\` is a point in time, not ${JSON.stringify(update.at)}`);
  }
}

class Runner {
  readonly #unchosen = new Set<string>();
  /** Mapped tasks that have instances. */
  readonly #expanded = new Set<Node>();
  readonly #artifacts = new Map<string, Uint8Array>();

  constructor(readonly result: Result, readonly options: RunOptions) {}

  async node(node: Node): Promise<void> {
    const { instances, mapped } = this.result;
    if (node.group || Object.keys(node.expand).length > 0) mapped.add(node.id);
    const isByIndex = [...node.upstream].some((other) => this.#follows(node, other));
    const decision = this.#unchosen.has(node.id) ? "skipped" : isByIndex ? "run" : this.#decision(node);
    instances.set(node.id, decision === "run" ? await this.#instances(node, isByIndex) : [{ state: decision, attempts: 0 }]);
  }

  /** What the rule of a task says; with an index of the instance that has it. */
  #decision(node: Node, index?: number): State | "run" {
    if (node.setups) return teardownVerdict(this.#states(node, node.setups, index));
    return verdict(node.rule, this.#states(node, node.upstream, index));
  }

  #states(of: Node, nodes: ReadonlySet<Node>, index: number | undefined): State[] {
    return [...nodes].flatMap((node) => {
      const instances = this.result.instances.get(node.id)!;
      const counting = index !== undefined && this.#follows(of, node) ? [instances[index]!] : instances;
      return counting.map(({ state }) => state);
    });
  }

  /** Whether the instances of a task depend on those of another one of its mapped group, index by index. */
  #follows(node: Node, other: Node): boolean {
    return node.group !== undefined && node.group === other.group && this.#expanded.has(other);
  }

  async #instances(node: Node, isByIndex: boolean): Promise<Instance[]> {
    if (!this.result.mapped.has(node.id)) {
      const instance = await this.#instance(node, this.#inputs(node, {}, null), null);
      if (instance.chosen) this.#leaveOut(node, instance.chosen);
      return [instance];
    }
    const { expand, zipped } = node.group ?? node;
    const all = takenApart(expand, zipped, (binding) => this.#value(binding));
    if (typeof all === "string") return [{ state: "failed", message: all, attempts: 0 }];
    if (all.length === 0) return [{ state: "skipped", attempts: 0 }];
    this.#expanded.add(node);
    const instances: Instance[] = [];
    for (const [index, elements] of all.entries()) {
      const decision = isByIndex ? this.#decision(node, index) : "run";
      instances.push(decision === "run" ? await this.#mapped(node, elements, index) : { state: decision, attempts: 0 });
    }
    return instances;
  }

  async #mapped(node: Node, elements: Inputs, index: number): Promise<Instance> {
    let inputs: Inputs;
    try {
      inputs = this.#inputs(node, elements, index);
    } catch (error) {
      // In a mapped group each instance takes parts of other outputs.
      if (node.group === undefined || !(error instanceof RunFailed)) throw error;
      return { state: "failed", message: error.message, attempts: 0 };
    }
    return this.#instance(node, inputs, index);
  }

  async #instance(node: Node, inputs: Record<string, unknown>, index: number | null): Promise<Instance> {
    const { variables: granted = [], dags = [] } = (node.settings.grants ?? {}) as { variables?: string[]; dags?: string[] };
    // Every failure here is the author's.
    const retryOn = (node.settings.retry_on ?? ["author"]) as readonly string[];
    const retries = retryOn.includes("author") ? Number(node.settings.retries ?? 0) : 0;
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
        // The retry has the same state and the same end of the wait.
        attempts += 1;
      } else if (outcome.control.kind === "skip") {
        return { state: "skipped", message: outcome.control.reason as string, attempts };
      } else if (outcome.control.kind === "update") {
        const { output, assets } = structuredClone(outcome.control) as { output: unknown; assets: UpdateDocument[] };
        return { state: "success", output, updates: assets, attempts };
      } else if (outcome.control.kind === "branch") {
        return { state: "success", output: null, chosen: outcome.control.tasks as string[], attempts };
      } else {
        deferrals += 1;
        if (deferrals > MOST_DEFERRALS) return { state: "failed", message: "it defers itself for ever", attempts };
        resumed = outcome.control.state;
        const ended = this.#ends(node.id, outcome.control as WaitDocument, dags);
        if (typeof ended === "string") return { state: "failed", message: `it waits for ever: ${ended}`, attempts };
        woken = ended;
      }
    }
  }

  /** What ends a wait: nothing where it is for a time, and what to add to the test where nothing does. */
  #ends(task: string, wait: WaitDocument, grants: readonly string[]): WokenDocument | string | null {
    const { event, run, dag, asset, call, approval, timeout_ms: timeout } = wait;
    let found: WokenDocument | undefined;
    let missing: string;
    if (event !== undefined) {
      const events = this.options.events ?? {};
      if (Object.hasOwn(events, event)) found = { event, payload: events[event] ?? null };
      missing = `add events: { ${JSON.stringify(event)}: ... }`;
    } else if (run !== undefined || dag !== undefined) {
      // Only called runs return their outputs.
      found = this.#end(run, dag, wait.task);
      if (found) delete found.outputs;
      const end = wait.task === undefined ? 'state: "success"' : `tasks: { ${JSON.stringify(wait.task)}: "success" }`;
      missing = `add runs: { ${JSON.stringify(run ?? dag)}: { ${end} } }`;
    } else if (asset !== undefined) {
      found = this.#update(asset, wait);
      const partition = wait.partition === undefined ? "" : ` partition: ${JSON.stringify(wait.partition)} `;
      missing = `add assets: { ${JSON.stringify(asset)}: {${partition}} }`;
    } else if (call !== undefined) {
      if (!grants.includes(call.dag)) {
        const message = `the task asks for no call of ${call.dag}; add it: task({ grants: { dags: [${JSON.stringify(call.dag)}] } }, ...)`;
        return { error: { code: "not_granted", message } };
      }
      found = this.#end(undefined, call.dag);
      if (found && !found.error && !call.wait) found = { run: found.run, dag: found.dag, state: "queued" };
      missing = `add runs: { ${JSON.stringify(call.dag)}: { state: "success", outputs: ... } }`;
    } else if (approval !== undefined) {
      const { options = ["approve", "reject"], default: otherwise } = approval;
      const given = this.options.approvals?.[task];
      const answer = typeof given === "string" ? { option: given } : given;
      if (answer && !options.includes(answer.option)) {
        throw new TypeError(`approvals: { ${JSON.stringify(task)}: ... }: the options are ${options.join(", ")}`);
      }
      if (answer) found = { approval: decided(answer) };
      else if (otherwise !== undefined) found = { approval: { option: otherwise, comment: null, fields: {}, by: null, at: null } };
      missing = `add approvals: { ${JSON.stringify(task)}: ${JSON.stringify(options[0])} }`;
    } else {
      return null;
    }
    return found ?? (timeout === null || timeout === undefined ? missing : { timeout: true });
  }

  /**
   * How the test says that a run, or with `task` this task of it, ends: a run that is waited for by its id may be named
   * by its DAG too.
   */
  #end(run: string | undefined, dag: string | undefined, task?: string): WokenDocument | undefined {
    for (const [name, end] of Object.entries(this.options.runs ?? {})) {
      const { tasks = {}, state: ofRun = "success", ...known } = structuredClone(end);
      const ofTask = task !== undefined && Object.hasOwn(tasks, task) ? tasks[task] : undefined;
      // A run that is missing has no tasks.
      const state = task === undefined || ofRun === "missing" ? ofRun : ofTask;
      if (state === undefined) continue;
      const ended = { ...known, ...(task !== undefined && { task }), state };
      if (dag !== undefined) {
        if (name !== dag) continue;
        return known.error ? { error: known.error } : { run: ofRun === "missing" ? null : `test-${name}`, dag, ...ended };
      }
      if (name === run) return { run, dag: null, ...ended };
      if (run === (known.run ?? `test-${name}`)) return { run, dag: name, ...ended };
    }
    return undefined;
  }

  /** The last of the test's updates of an asset that counts for the wait. */
  #update(asset: string, { partition, since }: WaitDocument): WokenDocument | undefined {
    const { assets = {} } = this.options;
    const given = Object.hasOwn(assets, asset) ? [structuredClone(assets[asset]!)].flat() : [];
    const earliest = since === undefined ? 0 : Date.parse(since);
    const now = new Date(Math.max(Date.now(), earliest));
    const update = given
      .filter((one) => partition === undefined || one.partition === partition)
      .map((one) => updateDocument(asset, one, now))
      .findLast(({ at }) => since === undefined || Date.parse(at) >= earliest);
    return update && { update };
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

  /** The inputs of an instance, which gets these elements of the lists. */
  #inputs(node: Node, elements: Inputs, index: number | null): Inputs {
    const inputs: Inputs = node.group ? {} : { ...elements };
    for (const [name, binding] of Object.entries(node.inputs)) {
      const { element, task, pointer = "" } = typeof binding === "string" ? { task: binding } : binding;
      const upstream = task === undefined ? undefined : this.result.dag.nodes.get(task)!;
      if (element !== undefined) {
        const part = Object.hasOwn(elements, element) ? pick(elements[element], pointer) : undefined;
        if (part) inputs[name] = part.value;
      } else if (upstream && node.group !== undefined && upstream.group === node.group) {
        const output = this.#follows(node, upstream) ? this.result.instances.get(upstream.id)![index!]!.output : null;
        inputs[name] = this.#part(output, binding);
      } else {
        inputs[name] = this.#value(binding);
      }
    }
    return inputs;
  }

  #value(given: Binding): unknown {
    const binding = typeof given === "string" ? { task: given } : given;
    if ("value" in binding) return binding.value;
    return this.#part(binding.task === undefined ? this.result.params[binding.param!] : this.result.output(binding.task), binding);
  }

  /** The part of a value that a binding takes. */
  #part(value: unknown, binding: Binding): unknown {
    const pointer = typeof binding === "string" ? "" : (binding.pointer ?? "");
    if (pointer === "") return value ?? null;
    for (const part of pointer.split("/").slice(1)) {
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
