/**
 * The placeholder for a task's output, or a parameter of the run, while a DAG is
 * being put together. A part of it is taken as of the value itself: `x.key`,
 * `x[0]`.
 */

import type { Node } from "./node.js";

declare const type: unique symbol;

/** A value of type T that is known only when the DAG runs. */
export type Edge<T> = { readonly [type]: T } & Parts<T>;

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

export function edge<T>(from: Source): Edge<T> {
  const name = from.node ? `the output of ${from.node.id}` : `parameter ${from.param}`;
  const unknown = (): never => {
    throw new TypeError(
      `${name}${from.pointer} is no value yet: a DAG's function only says who waits for whom. Do it inside of a task; to map over it: task.expand({ x: ... })`,
    );
  };
  const made = new Proxy(
    {},
    {
      get(_target, key) {
        if (key === Symbol.toPrimitive || key === Symbol.iterator || key === Symbol.asyncIterator) return unknown;
        if (typeof key === "symbol" || key === "toJSON") return undefined;
        return edge({ ...from, pointer: `${from.pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}` });
      },
      set: unknown,
      ownKeys: unknown,
      getOwnPropertyDescriptor: () => undefined,
    },
  );
  sources.set(made, from);
  return made as Edge<T>;
}
