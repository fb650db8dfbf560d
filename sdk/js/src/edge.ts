/**
 * The placeholder for a task's output, or a parameter of the run, while a DAG is
 * being put together. A part of it is taken as of the value itself: `x.key`,
 * `x[0]`.
 */

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

/** What can be bound to an input of type T: a value, an edge, or a value with edges in it. */
export type Bindable<T> =
  | Edge<T>
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
  readonly param?: string;
  readonly pointer: string;
}

const sources = new WeakMap<object, Source>();

/** Where a value comes from, if it is an edge. */
export function source(value: unknown): Source | undefined {
  return typeof value === "object" && value !== null ? sources.get(value) : undefined;
}

/** What an edge is, in words. */
export function words({ node, param, pointer }: Source): string {
  return (node ? `the output of ${node.id}` : `parameter ${param}`) + pointer;
}

export function edge<T>(from: Source): Edge<T> {
  const refuse = (pointer: string): never => {
    throw new TypeError(
      `${words({ ...from, pointer })} is no value yet: a DAG's function only says who waits for whom. Do it inside of a task; to map over it: task.expand({ x: ... })`,
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
