/**
 * The placeholder for a task's output, or a parameter of the run, while a DAG is
 * being put together. A part of it is taken as of the value itself: `x.key`,
 * `x[0]`.
 */

import type { Group } from "./group.js";
import type { Node } from "./node.js";

declare const type: unique symbol;

/** A value of type T that is known only when the DAG runs. */
export type Edge<T> = Typed<T> & Parts<T>;
/** An edge without its parts. */
export type Typed<T> = { readonly [type]: T };

type Parts<T> = 0 extends 1 & T
  ? { readonly [key: string]: Edge<any> }
  : T extends readonly (infer E)[]
    ? { readonly [index: number]: Edge<E> }
    : T extends object
      ? { readonly [K in keyof T]-?: Edge<Exclude<T[K], undefined>> }
      : unknown;

/**
 * An element of a list that a mapped group is mapped over, or a part of one. The types of parts that an element may
 * lack include `undefined`: an instance whose element has no such part does not get the input.
 */
export type GroupElement<T> = Typed<T> & ElementParts<T>;

type ElementParts<T> = 0 extends 1 & T ? { readonly [key: string]: GroupElement<any> } : PartsOf<NonNullable<T>, Missing<T>>;
type PartsOf<T, M> = T extends readonly (infer E)[]
  ? { readonly [index: number]: GroupElement<E | undefined> }
  : T extends object
    ? { readonly [K in keyof T]-?: GroupElement<T[K] | M> }
    : unknown;
/** Where there may be no value, there may be no part of it. */
export type Missing<T> = null extends T ? undefined : undefined extends T ? undefined : never;

/** What can be bound to an input of type T: a value, an edge, or a value with edges in it. */
export type Bindable<T> =
  | Typed<T>
  | (0 extends 1 & T
      ? T
      : T extends readonly (infer E)[]
        ? readonly Bindable<E>[]
        : T extends object
          ? { readonly [K in keyof T]: Bindable<T[K]> } & { readonly [type]?: never }
          : T);

/** Bindings of all of a task's inputs. */
export type Bound<I> = { readonly [K in keyof I]: Bindable<I[K]> };

/** Where an edge comes from. */
export interface Source {
  readonly node?: Node;
  /** Whether it is the list of outputs of a task in a mapped group, as it is outside of the group. */
  readonly listed?: boolean;
  readonly param?: string;
  /** A list of a mapped group, of whose elements an instance gets the one with its index. */
  readonly element?: { readonly group: Group; readonly name: string };
  readonly pointer: string;
}

const sources = new WeakMap<object, Source>();

/** Where a value comes from, if it is an edge. */
export function source(value: unknown): Source | undefined {
  return typeof value === "object" && value !== null ? sources.get(value) : undefined;
}

/** What an edge is, in words. */
export function words({ node, listed, param, element, pointer }: Source): string {
  if (element) return `the element ${element.name} of the mapped group ${element.group.name}` + pointer;
  return (node ? `the ${listed ? "outputs" : "output"} of ${node.id}` : `parameter ${param}`) + pointer;
}

export function edge<T>(from: Source): Edge<T> {
  const refuse = (pointer: string): never => {
    throw new TypeError(
      `${words({ ...from, pointer })} is no value yet: a DAG's function only says who waits for whom. Do it inside of a task${from.element ? "" : "; to map over it: task.expand({ x: ... })"}`,
    );
  };
  return placeholder(from.pointer, refuse, (made, pointer) => sources.set(made, { ...from, pointer })) as Edge<T>;
}

/** Records which part of it is taken, as a JSON pointer; any other use is refused. */
export function placeholder(pointer: string, refuse: (pointer: string) => never, record: (made: object, pointer: string) => void): object {
  const unknown = (): never => refuse(pointer);
  const made = new Proxy(
    {},
    {
      get(_target, key) {
        if (key === Symbol.toPrimitive || key === Symbol.iterator || key === Symbol.asyncIterator) return unknown;
        if (typeof key === "symbol" || key === "toJSON") return undefined;
        return placeholder(`${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, refuse, record);
      },
      set: unknown,
      ownKeys: unknown,
      getOwnPropertyDescriptor: () => undefined,
    },
  );
  record(made, pointer);
  return made;
}
