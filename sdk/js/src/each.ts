/**
 * `each(rows, (row) => row.id)`: which part of a list's elements the instances
 * of a mapped task get, and which elements make an instance. Only `expand`, `zip`
 * and `mapGroup` take it.
 */

import { type Missing, placeholder, source, type Typed, words } from "./edge.js";
import { Misfit } from "./wire.js";

declare const part: unique symbol;
declare const taken: unique symbol;

/** An element of a list, or a part of one, in a function that `each` takes. The types of parts that an element may lack include `undefined`. */
export type Element<T> = { readonly [part]: T } & Parts<T>;

type Parts<T> = 0 extends 1 & T ? { readonly [key: string]: Element<any> } : PartsOf<NonNullable<T>, Missing<T>>;
type PartsOf<T, M> = T extends readonly (infer E)[]
  ? { readonly [index: number]: Element<E | undefined> }
  : T extends object
    ? { readonly [K in keyof T]-?: Element<T[K] | M> }
    : unknown;

/** What instances get of the elements of a list: each a value of type T. */
export interface Each<T> {
  readonly [taken]: T;
}

export interface EachSettings<T> {
  /** Only elements whose part is neither missing nor null nor false make an instance: `(row) => row.active`. */
  filter?: (element: Element<T>) => Element<unknown>;
}

type List = Typed<readonly unknown[]> | readonly unknown[];
export type ItemOf<L> = L extends Typed<infer T> ? (0 extends 1 & T ? any : T extends readonly (infer E)[] ? E : never) : L extends readonly (infer E)[] ? E : never;

/**
 * In `expand`, `zip` and `mapGroup`: a part of each element, `each(rows, (row) => row.id)`. An instance whose element
 * has no such part does not get the input.
 */
export function each<L extends List, P>(list: L, part: (element: Element<ItemOf<L>>) => Element<P>, settings?: EachSettings<ItemOf<L>>): Each<P>;
/** In `expand`, `zip` and `mapGroup`: whole elements, `each(rows, { filter: (row) => row.active })`. */
export function each<L extends List>(list: L, settings?: EachSettings<ItemOf<L>>): Each<ItemOf<L>>;
export function each(list: unknown, ...given: unknown[]): unknown {
  const part = typeof given[0] === "function" ? given.shift() : undefined;
  const [settings = {}, ...more] = given;
  if (typeof settings !== "object" || settings === null || more.length > 0) {
    throw new TypeError("each() takes a list, a function that picks a part of an element, and settings: each(rows, (row) => row.id, { filter: (row) => row.active })");
  }
  const { filter, ...unknown } = settings as { filter?: unknown };
  for (const name of Object.keys(unknown)) throw new TypeError(`each() has no setting ${JSON.stringify(name)}; there is filter`);
  const from = source(list);
  const element = `an element of ${from ? words(from) : "the list"}`;
  const picked: Picked = {};
  if (part !== undefined) {
    const pointer = picks(part, "each()", element);
    if (pointer !== "") picked.each = pointer;
  }
  if (filter !== undefined) {
    picked.filter = picks(filter, "each()'s filter", element);
    if (picked.filter === "") throw new TypeError("each()'s filter returned the whole element; it has to return a part of it: (row) => row.active");
  }
  return new Elements(list, picked);
}

/** The part that a function returns, as a JSON pointer (RFC 6901) within the element. */
function picks(part: unknown, taker: string, element: string): string {
  const parts = new WeakMap<object, string>();
  const refuse = (pointer: string): never => {
    throw new TypeError(`${element}${pointer && `, at ${pointer},`} is no value yet: the function that ${taker} takes only picks a part of it, (row) => row.id; compute in a task`);
  };
  if (typeof part !== "function") throw new TypeError(`${taker} takes a function that picks a part of an element: (row) => row.id`);
  const returned: unknown = part(placeholder("", refuse, (made, pointer) => parts.set(made, pointer)));
  const pointer = typeof returned === "object" && returned !== null ? parts.get(returned) : undefined;
  if (pointer === undefined) throw new TypeError(`the function that ${taker} takes has to return a part of the element that it is given: (row) => row.id`);
  return pointer;
}

/** How a binding of `expand` takes a list apart: JSON pointers (RFC 6901) within each element. */
export interface Picked {
  each?: string;
  filter?: string;
}

export const WHERE = "only expand(), zip() and mapGroup() take: task.expand({ x: each(...) })";

/** What `each` returns. */
export class Elements {
  constructor(readonly list: unknown, readonly picked: Picked) {}

  /** Refuses it inside of a value. */
  toJSON(): never {
    throw new Misfit("", `there is each(...) inside of a value, which ${WHERE}`);
  }
}

/** The elements that make an instance. */
export function elements(list: readonly unknown[], { filter }: Picked): unknown[] {
  if (filter === undefined) return [...list];
  return list.filter((element) => {
    const part = pick(element, filter)?.value ?? false;
    return part !== false;
  });
}

/** The part of a value that a JSON pointer names, if there is one. */
export function pick(value: unknown, pointer: string): { value: unknown } | undefined {
  let here = value;
  for (const token of pointer.split("/").slice(1)) {
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return undefined;
    if (Array.isArray(here) && !/^(0|[1-9]\d*)$/.test(key)) return undefined;
    here = (here as Record<string, unknown>)[key];
  }
  return { value: here };
}
