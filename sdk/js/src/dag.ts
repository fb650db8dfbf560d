/**
 * `dag(settings, function name(params) { ... })`: the function is called once,
 * when the program is built. A call of a task in it makes a task of the DAG.
 */

import { type Edge, edge, source } from "./edge.js";
import type { Group } from "./group.js";
import { Node } from "./node.js";
import { DAG, type DagSettings, fields } from "./settings.js";
import { described, type Schema } from "./schema.js";
import type { TaskDefinition } from "./task.js";
import { encode } from "./wire.js";

const DECLARED: unique symbol = Symbol("param");

/** More about a parameter than its default. */
export interface ParamSettings<T> {
  /** Without one the parameter must be given. */
  default?: T;
  description?: string;
  /** What a given value must satisfy. */
  schema?: Schema;
}

export interface Param<T> extends ParamSettings<T> {
  readonly [DECLARED]: true;
}

/** A parameter with a description, a schema, or without a default: `param<string>({ description: "..." })`. */
export function param<T>(settings: ParamSettings<T> = {}): Param<T> {
  return { ...settings, [DECLARED]: true };
}

type ParamEdges<P> = { readonly [K in keyof P]: Edge<P[K] extends Param<infer T> ? T : P[K]> };

export interface Dag {
  readonly id: string;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly params: Readonly<Record<string, ParamSettings<unknown>>>;
  /** This DAG's part of the document. */
  document(): Record<string, unknown>;
}

/** A DAG whose function is running. */
export interface Building {
  readonly nodes: Map<string, Node>;
  /** The mapped groups, by name. */
  readonly groups: Map<string, Group>;
  /** The mapped group whose function is running. */
  group?: Group;
}

const all: Dag[] = [];
let current: Building | undefined;

/** The DAG whose function is running. */
export function building(): Building | undefined {
  return current;
}

/** Every DAG of the program. */
export function registered(): readonly Dag[] {
  return all;
}

/** A DAG. Without `id` it has the function's name. */
export function dag(build: () => void): Dag;
export function dag<P extends Record<string, unknown> = {}>(settings: DagSettings & { params?: P }, build: (params: ParamEdges<P>) => void): Dag;
export function dag(...given: unknown[]): Dag {
  const build = given.at(-1);
  if (typeof build !== "function" || given.length > 2) throw new TypeError("dag() takes settings and a function");
  const settings = (given.length === 2 ? given[0] : {}) as DagSettings & { params?: Record<string, unknown> };
  const id = settings.id ?? build.name;
  if (!id) throw new TypeError('a DAG needs a name: give its function one, dag(function quakes() { ... }), or set its id: dag({ id: "quakes" }, ...)');
  if (all.some((other) => other.id === id)) throw new TypeError(`two DAGs have the id ${JSON.stringify(id)}; give one another: dag({ id: "..." }, ...)`);
  const { params: _given, ...known } = fields(settings, DAG, `DAG ${id}`);
  if (known.max_active_runs_per_key !== undefined && known.concurrency_key === undefined) {
    throw new TypeError(`DAG ${id}: maxActiveRunsPerKey counts runs by their key; add concurrencyKey`);
  }
  const params = declared(settings.params ?? {});
  const nodes = new Map<string, Node>();
  const groups = new Map<string, Group>();
  const outer = current;
  current = { nodes, groups };
  try {
    const edges = Object.keys(params).map((name) => [name, edge({ param: name, pointer: "" })]);
    const returned: unknown = build(Object.fromEntries(edges));
    if (returned instanceof Promise) throw new TypeError(`DAG ${id}: its function can't be async; it only says who waits for whom`);
  } finally {
    current = outer;
  }
  if (nodes.size === 0) throw new TypeError(`DAG ${id} has no task; call one in its function`);
  for (const node of nodes.values()) checkGroup(node, groups);
  const made = { id, nodes, params, document: () => document(known, id, params, groups, nodes) };
  all.push(made);
  return made;
}

/** A task of the DAG whose function is running. */
export function add(task: TaskDefinition, inputs: object, over: object, zipped = false): unknown {
  if (current === undefined) {
    throw new TypeError(`task ${task.id} was called outside of a DAG's function; to call it as a function: ${task.id}.run({ ... })`);
  }
  const { nodes, group } = current;
  const first = group ? `${group.name}.${task.id}` : task.id;
  let id = first;
  for (let count = 1; nodes.has(id); count++) id = `${first}__${count}`;
  if (group && task.branches) throw new TypeError(`task ${id} is a branch, which can't be in the mapped group ${group.name}; a branch is not mapped`);
  if (group && (zipped || Object.keys(over).length > 0)) {
    throw new TypeError(`task ${id} is mapped with its group ${group.name}, and not by itself; call it without expand() or zip(), or outside of the group`);
  }
  const node = new Node(task, id, task.settings, group);
  for (const [name, value] of Object.entries(inputs)) {
    if (value !== undefined) node.bind(name, value);
  }
  for (const [name, value] of Object.entries(over)) node.map(name, value);
  if (zipped) node.zip();
  nodes.set(id, node);
  return edge({ node, pointer: "" });
}

/** A task that is in a mapped group by its id alone would be mapped without its author's knowledge. */
function checkGroup({ id, group }: Node, groups: ReadonlyMap<string, Group>): void {
  if (group) return;
  for (const name of groups.keys()) {
    if (id.startsWith(`${name}.`)) throw new TypeError(`task ${id} is in the mapped group ${name} by its id; call it in the group's function, or give it another id`);
  }
}

type Ordered = Edge<unknown> | readonly Edge<unknown>[];

/** One after the other, without data: `chain(a(), [b(), c()], d())`. */
export function chain(...steps: readonly Ordered[]): void {
  const nodes = steps.map((step) => (Array.isArray(step) ? step : [step]).map(ordered));
  for (const [index, later] of nodes.entries()) {
    for (const before of index > 0 ? nodes[index - 1]! : []) {
      for (const after of later) after.waitFor(before);
    }
  }
}

export interface TeardownSettings {
  /** Whether the run fails with the teardown. Otherwise how it ends counts for nothing. */
  failsRun?: boolean;
}

/**
 * Makes a task a teardown of these setups, which it waits for, and returns its output:
 * `teardownOf(destroy({ name }), cluster)`.
 *
 * It runs once everything upstream has ended if one of its setups succeeded, or it has none, also
 * when the run is cancelled.
 */
export function teardownOf<T>(teardown: Edge<T>, setups: Ordered, settings: TeardownSettings = {}): Edge<T> {
  const list = Array.isArray(setups) ? setups : [setups];
  nodeOf(teardown, "teardownOf").tearDown(
    list.map((setup) => nodeOf(setup, "teardownOf")),
    settings.failsRun ?? false,
  );
  return teardown;
}

function ordered(value: unknown): Node {
  return nodeOf(value, "chain");
}

function nodeOf(value: unknown, taker: string): Node {
  const node = source(value)?.node;
  if (!node) throw new TypeError(`${taker}() takes outputs of tasks, and lists of them; call the task first`);
  return node;
}

function declared(given: Record<string, unknown>): Record<string, ParamSettings<unknown>> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const isDeclared = typeof value === "object" && value !== null && DECLARED in value;
      return [name, isDeclared ? (value as Param<unknown>) : { default: value }];
    }),
  );
}

function document(
  known: object,
  id: string,
  params: Record<string, ParamSettings<unknown>>,
  groups: ReadonlyMap<string, Group>,
  nodes: ReadonlyMap<string, Node>,
): Record<string, unknown> {
  const described = Object.entries(params).map(([name, settings]) => [name, paramDocument(name, settings)]);
  return {
    ...known,
    id,
    ...(described.length > 0 && { params: Object.fromEntries(described) }),
    ...(groups.size > 0 && { groups: Object.fromEntries([...groups].map(([name, group]) => [name, group.document()])) }),
    tasks: Object.fromEntries([...nodes.values()].map((node) => [node.id, node.document()])),
  };
}

/** A default says of which type a given value must be. */
function paramDocument(name: string, { default: fallback, description, schema }: ParamSettings<unknown>): Record<string, unknown> {
  const known = schema === undefined ? undefined : described(schema, "input");
  const simple = ["string", "number", "boolean"].includes(typeof fallback) ? { type: typeof fallback } : undefined;
  const type = known ?? simple;
  return {
    ...(fallback !== undefined && { default: encode(fallback, name) }),
    ...(description !== undefined && { description }),
    ...(type !== undefined && { schema: type }),
  };
}
