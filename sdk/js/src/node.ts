/** A task in a DAG: which task, with what bound to its inputs. */

import { elements, Elements, type Picked, WHERE } from "./each.js";
import { type Source, source, words } from "./edge.js";
import type { Group } from "./group.js";
import { described, type JsonSchema } from "./schema.js";
import type { TaskDefinition } from "./task.js";
import { encode, Misfit } from "./wire.js";

/** A place inside a list or an object that an input of its own fills. */
class Slot {
  constructor(readonly name: string) {}
}

export type Binding = string | ({ task?: string; param?: string; value?: unknown; element?: string; pointer?: string } & Picked);

/** Rules under which no upstream was skipped, so that what each gives is there. */
const STRICT = ["all_success", "none_skipped"];

/** Fields by which other runs of the DAG decide when a task runs, or whether it does, and the settings' names for them. */
const OTHER_RUNS = [
  ["depends_on_past", "dependsOnPast"],
  ["wait_for_downstream", "waitForDownstream"],
  ["latest_only", "latestOnly"],
] as const;

export class Node {
  readonly inputs: Record<string, Binding> = {};
  readonly expand: Record<string, Binding> = {};
  readonly upstream = new Set<Node>();
  /** In the order in which they came to be. */
  readonly downstream: Node[] = [];
  /** The setups of a teardown; nothing for a task that is none. */
  setups: Set<Node> | undefined;
  zipped = false;
  #failsRun = false;
  readonly #after: string[] = [];
  /** Inputs that are put together from several. */
  readonly #composed = new Map<string, unknown>();

  constructor(
    readonly task: TaskDefinition,
    readonly id: string,
    readonly settings: Readonly<Record<string, unknown>>,
    /** The group that it is mapped with. */
    readonly group?: Group,
  ) {
    for (const other of group?.sources ?? []) this.#waitsFor(other);
  }

  bind(name: string, value: unknown): void {
    if (value instanceof Elements) throw new TypeError(`task ${this.id}: the input ${JSON.stringify(name)} is each(...), which ${WHERE}`);
    const from = source(value);
    if (from) this.inputs[name] = this.#binding(from);
    else if (holdsEdges(value)) this.#composed.set(name, this.#compose(name, value, 0));
    else this.inputs[name] = { value: constant(`task ${this.id}`, name, value) };
  }

  /** Binds an input of which each element makes an instance of its own. */
  map(name: string, value: unknown): void {
    this.expand[name] = listBinding(`task ${this.id}`, `expand({ ${name} }) takes`, name, value, (from) => this.#binding(from));
  }

  /** Makes one instance of the elements at the same position of all lists. */
  zip(): void {
    this.zipped = true;
    checkZip(`task ${this.id}`, this.expand);
  }

  /** Makes the task a teardown of these, which it waits for; called again, of these too. */
  tearDown(setups: readonly Node[], failsRun: boolean): void {
    if (this.task.branches) throw new TypeError(`task ${this.id}: a teardown can't choose what runs`);
    if (this.settings.trigger_rule !== undefined) {
      throw new TypeError(`task ${this.id}: a teardown has a rule of its own; leave out triggerRule`);
    }
    for (const [field, name] of OTHER_RUNS) {
      if (this.settings[field] === true) {
        throw new TypeError(`task ${this.id}: a teardown runs whatever came of other runs; leave out ${name}`);
      }
    }
    this.setups ??= new Set();
    this.#failsRun = failsRun;
    for (const setup of setups) {
      this.setups.add(setup);
      this.#waitsFor(setup);
    }
  }

  /** Whether it counts for nothing how it ends: a teardown that doesn't fail its run. */
  get ignored(): boolean {
    return this.setups !== undefined && !this.#failsRun;
  }

  #binding(from: Source): Binding {
    const binding = bindingOf(`task ${this.id}`, from, this.group);
    if (from.node) this.#waitsFor(from.node);
    return binding;
  }

  #compose(name: string, value: unknown, depth: number): unknown {
    const from = source(value);
    if (from) {
      const taken = Object.keys(this.inputs).filter((key) => key.startsWith(`${name}:`)).length;
      const slot = `${name}:${taken}`;
      this.inputs[slot] = this.#binding(from);
      return new Slot(slot);
    }
    if (Array.isArray(value)) return value.map((item) => this.#compose(name, item, depth + 1));
    if (isPlain(value)) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#compose(name, item, depth + 1)]));
    }
    return constant(`task ${this.id}`, name, value);
  }

  /** Waits for another task without its output. */
  waitFor(other: Node): void {
    if (this.upstream.has(other)) return;
    this.#after.push(other.id);
    this.#waitsFor(other);
  }

  #waitsFor(other: Node): void {
    if (this.upstream.has(other)) return;
    this.upstream.add(other);
    other.downstream.push(this);
  }

  get rule(): string {
    return (this.settings.trigger_rule as string | undefined) ?? "all_success";
  }

  /** Whether an upstream may have been skipped, so that what it gives is `null`. */
  get mayLackInputs(): boolean {
    return this.setups !== undefined || !STRICT.includes(this.rule);
  }

  /** What the function is given, of what came in. */
  arguments(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const whole: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(given)) {
      if (!name.includes(":")) whole[name] = value;
    }
    for (const [name, template] of this.#composed) whole[name] = filled(template, given);
    return whole;
  }

  /** This task's part of the DAG document. */
  document(): Record<string, unknown> {
    const { types: _types, id: _id, ...settings } = this.settings;
    const part: Record<string, unknown> = { ...settings };
    if (Object.keys(this.inputs).length > 0) part.inputs = this.inputs;
    if (Object.keys(this.expand).length > 0) part.expand = this.expand;
    if (this.zipped) part.zip = true;
    if (this.#after.length > 0) part.after = this.#after;
    if (this.setups) part.teardown_of = [...this.setups].map(({ id }) => id);
    if (this.#failsRun) part.teardown_fails_run = true;
    if (this.task.branches) part.branch = true;
    const types = this.#types();
    if (Object.keys(types).length > 0) part.types = types;
    return part;
  }

  #types(): Record<string, unknown> {
    const { inputs = {}, output } = this.task.types;
    const known: Record<string, JsonSchema> = {};
    for (const [name, schema] of Object.entries(inputs)) {
      const found = name in this.inputs || name in this.expand ? described(schema, "input") : undefined;
      if (found !== undefined) known[name] = found;
    }
    const returned = output === undefined ? undefined : described(output, "output");
    return { ...(Object.keys(known).length > 0 && { inputs: known }), ...(returned !== undefined && { output: returned }) };
  }
}

/** A binding to an edge, of what is in this mapped group or in none. */
export function bindingOf(owner: string, from: Source, group: Group | undefined): Binding {
  const { node, param, element, pointer } = from;
  const within = element?.group ?? (from.listed ? undefined : node?.group);
  if (within && within !== group) {
    const instead = node ? "; outside of it there is the list that mapGroup() returns" : "";
    throw new TypeError(`${owner}: ${words(from)} is known only within the mapped group ${within.name}${instead}`);
  }
  if (node) return pointer ? { task: node.id, pointer } : node.id;
  const whole = element ? { element: element.name } : { param: param! };
  return pointer ? { ...whole, pointer } : whole;
}

/** The binding of a list that a task or a group is mapped over. */
export function listBinding(owner: string, what: string, name: string, value: unknown, bind: (from: Source) => Binding): Binding {
  const { list, picked } = value instanceof Elements ? value : { list: value, picked: {} };
  const from = source(list);
  if (from) {
    const binding = bind(from);
    const whole = Object.keys(picked).length === 0;
    return whole ? binding : { ...(typeof binding === "string" ? { task: binding } : binding), ...picked };
  }
  if (Array.isArray(list) && !holdsEdges(list)) return { value: constant(owner, name, list), ...picked };
  throw new TypeError(`${owner}: ${what} a list or one task's output, or each(...) of it; put several together in a task that returns a list`);
}

/** Refuses lists of unlike lengths, as far as they are known, whose elements go together. */
export function checkZip(owner: string, expand: Readonly<Record<string, Binding>>): void {
  const lists: Record<string, unknown[]> = {};
  for (const [name, binding] of Object.entries(expand)) {
    if (typeof binding === "object" && Array.isArray(binding.value)) lists[name] = elements(binding.value, binding);
  }
  const unlike = unlikeLists(lists);
  if (unlike) throw new TypeError(`${owner}: ${unlike}`);
}

function constant(owner: string, name: string, value: unknown): unknown {
  try {
    return encode(value, name);
  } catch (error) {
    throw error instanceof Misfit ? new TypeError(`${owner}: ${error.message}`) : error;
  }
}

/** What is wrong with lists whose elements go together. */
export function unlikeLists(lists: Readonly<Record<string, readonly unknown[]>>): string | undefined {
  const [first, ...others] = Object.entries(lists);
  const other = first && others.find(([, list]) => list.length !== first[1].length);
  if (!other) return undefined;
  const [one, another] = [first, other].map(([name, list]) => `${JSON.stringify(name)} (${list.length})`);
  return `the lists ${one} and ${another} go together and must have one length`;
}

function filled(template: unknown, given: Readonly<Record<string, unknown>>): unknown {
  if (template instanceof Slot) return given[template.name] ?? null;
  if (Array.isArray(template)) return template.map((item) => filled(item, given));
  if (isPlain(template)) return Object.fromEntries(Object.entries(template).map(([key, item]) => [key, filled(item, given)]));
  return template;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || source(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Whether a constant holds values that are known only when the DAG runs. */
function holdsEdges(value: unknown): boolean {
  if (source(value)) return true;
  if (Array.isArray(value)) return value.some(holdsEdges);
  return isPlain(value) && Object.values(value).some(holdsEdges);
}
