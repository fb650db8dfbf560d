/** A task in a DAG: which task, with what bound to its inputs. */

import { type Source, source } from "./edge.js";
import { described, type JsonSchema } from "./schema.js";
import type { TaskDefinition } from "./task.js";
import { encode, Misfit } from "./wire.js";

/** A place inside a list or an object that an input of its own fills. */
class Slot {
  constructor(readonly name: string) {}
}

export type Binding = string | { task?: string; param?: string; value?: unknown; pointer?: string };

/** Rules under which no upstream was skipped, so that what each gives is there. */
const STRICT = ["all_success", "none_skipped"];

export class Node {
  readonly inputs: Record<string, Binding> = {};
  readonly expand: Record<string, Binding> = {};
  readonly upstream = new Set<Node>();
  /** In the order in which they came to be. */
  readonly downstream: Node[] = [];
  readonly #after: string[] = [];
  /** Inputs that are put together from several. */
  readonly #composed = new Map<string, unknown>();

  constructor(
    readonly task: TaskDefinition,
    readonly id: string,
    readonly settings: Readonly<Record<string, unknown>>,
  ) {}

  bind(name: string, value: unknown): void {
    const from = source(value);
    if (from) this.inputs[name] = this.#binding(from);
    else if (holdsEdges(value)) this.#composed.set(name, this.#compose(name, value, 0));
    else this.inputs[name] = { value: this.#constant(name, value) };
  }

  /** Binds an input of which each element makes an instance of its own. */
  map(name: string, value: unknown): void {
    const from = source(value);
    if (from) {
      this.expand[name] = this.#binding(from);
    } else if (Array.isArray(value) && !holdsEdges(value)) {
      this.expand[name] = { value: this.#constant(name, value) };
    } else {
      throw new TypeError(`task ${this.id}: expand({ ${name} }) takes a list or one task's output; put several together in a task that returns a list`);
    }
  }

  #constant(name: string, value: unknown): unknown {
    try {
      return encode(value, name);
    } catch (error) {
      throw error instanceof Misfit ? new TypeError(`task ${this.id}: ${error.message}`) : error;
    }
  }

  #binding({ node, param, pointer }: Source): Binding {
    if (!node) return pointer ? { param: param!, pointer } : { param: param! };
    this.#waitsFor(node);
    return pointer ? { task: node.id, pointer } : node.id;
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
    return this.#constant(name, value);
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
    return !STRICT.includes(this.rule);
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
    if (this.#after.length > 0) part.after = this.#after;
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
