/**
 * `mapGroup("load", { file: files }, ({ file }) => store({ rows: fetch({ path: file }) }))`:
 * several tasks that are mapped together. Each has one instance for each element, and gets the
 * outputs of the others' instances of the same index.
 */

import { type Building, building } from "./dag.js";
import type { Each, ItemOf } from "./each.js";
import { type Edge, edge, type GroupElement, source, type Typed } from "./edge.js";
import { type Binding, bindingOf, checkZip, listBinding, type Node } from "./node.js";

type Lists = { readonly [name: string]: Typed<readonly unknown[]> | readonly unknown[] | Each<unknown> };
/** What an instance gets of each list. */
type ElementsOf<L> = { readonly [K in keyof L]: GroupElement<L[K] extends Each<infer T> ? T : ItemOf<L[K]>> };
/** Outside of the group, what its function returned is a list. */
type Outside<R> = R extends Typed<infer T> ? Edge<T[]> : void;

export interface GroupSettings {
  /** One instance for each position, instead of each combination: the lists have one length. */
  zip?: boolean;
}

/** A mapped group of tasks. */
export class Group {
  readonly expand: Record<string, Binding> = {};
  /** The tasks that its lists come from, which all its tasks wait for. */
  readonly sources = new Set<Node>();
  readonly zipped: boolean;

  constructor(readonly name: string, lists: object, { zip = false }: GroupSettings) {
    const owner = `the mapped group ${name}`;
    for (const [element, list] of Object.entries(lists)) {
      this.expand[element] = listBinding(owner, `${JSON.stringify(element)} is`, element, list, (from) => {
        if (from.node) this.sources.add(from.node);
        return bindingOf(owner, from, undefined);
      });
    }
    if (zip) checkZip(owner, this.expand);
    this.zipped = zip;
  }

  /** Its part of the DAG document. */
  document(): Record<string, unknown> {
    return { expand: this.expand, ...(this.zipped && { zip: true }) };
  }
}

/**
 * Maps all tasks that the function calls over these lists, with one instance of each for each element; of several
 * lists for each combination. Their ids get the group's name and a dot in front. Returns the list of the outputs that
 * the function returned.
 */
export function mapGroup<L extends Lists, R extends Typed<unknown> | void>(
  name: string,
  lists: L,
  build: (elements: ElementsOf<L>) => R,
  settings?: GroupSettings,
): Outside<R>;
export function mapGroup(...given: unknown[]): unknown {
  const [name, lists, build, settings = {}, ...more] = given;
  if (typeof name !== "string" || name === "" || !isObject(lists) || typeof build !== "function" || !isObject(settings) || more.length > 0) {
    throw new TypeError('mapGroup() takes a name, lists by name, a function, and settings: mapGroup("load", { file: files }, ({ file }) => store({ file }), { zip: true })');
  }
  const { zip, ...unknown } = settings as { zip?: unknown };
  for (const setting of Object.keys(unknown)) throw new TypeError(`the mapped group ${name} has no setting ${JSON.stringify(setting)}; there is zip`);
  if (zip !== undefined && typeof zip !== "boolean") throw new TypeError(`the mapped group ${name}: zip is true or false`);
  const dag = building();
  if (dag === undefined) throw new TypeError(`the mapped group ${name} was made outside of a DAG's function`);
  checkName(name, dag);
  if (Object.keys(lists).length === 0) throw new TypeError(`the mapped group ${name} has no list; give it one: mapGroup(${JSON.stringify(name)}, { file: files }, ...)`);
  const group = new Group(name, lists, { zip });
  dag.groups.set(name, group);
  dag.group = group;
  let returned: unknown;
  try {
    const edges = Object.keys(lists).map((element) => [element, edge({ element: { group, name: element }, pointer: "" })]);
    returned = build(Object.fromEntries(edges));
  } finally {
    dag.group = undefined;
  }
  if (returned instanceof Promise) throw new TypeError(`the mapped group ${name}: its function can't be async; it only says who waits for whom`);
  if (![...dag.nodes.values()].some((node) => node.group === group)) throw new TypeError(`the mapped group ${name} has no task; call one in its function`);
  if (returned === undefined || returned === null) return undefined;
  const from = source(returned);
  if (from?.node?.group !== group || from.pointer !== "") {
    throw new TypeError(`the mapped group ${name}: its function returns the whole output of one of its tasks, or nothing`);
  }
  return edge({ node: from.node, listed: true, pointer: "" });
}

function checkName(name: string, { groups, group }: Building): void {
  const within = (inner: string, outer: string): string =>
    `the mapped group ${inner} is within the mapped group ${outer}; map one of the two, and let a task of the group call another DAG for each element of an inner list`;
  if (group) throw new TypeError(within(name, group.name));
  if (groups.has(name)) throw new TypeError(`two mapped groups have the name ${JSON.stringify(name)}`);
  for (const other of groups.keys()) {
    if (name.startsWith(`${other}.`)) throw new TypeError(within(name, other));
    if (other.startsWith(`${name}.`)) throw new TypeError(within(other, name));
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !source(value);
}
