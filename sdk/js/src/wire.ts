/**
 * What travels between tasks: JSON, with artifacts by reference. `encode`
 * refuses what JSON would lose, and names the position; `Wire` is the type
 * that arrives at the other end.
 */

import { Artifact } from "./artifact.js";

/** A value that isn't what it has to be, and where. */
export class Misfit extends Error {
  override name = "Misfit";

  constructor(readonly at: string, readonly words: string) {
    super(at ? `${at}: ${words}` : words);
  }
}

/** What a value of type T is after its way through JSON. */
export type Wire<T> = 0 extends 1 & T
  ? T
  : unknown extends T
    ? unknown
    : T extends Artifact
      ? Artifact
      : T extends undefined | void
        ? null
        : T extends { toJSON(...given: never[]): infer J }
          ? Wire<J>
          : T extends bigint | symbol | ((...given: never[]) => unknown) | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
            ? { "this can't travel as JSON": T }
            : T extends readonly unknown[]
              ? { [K in keyof T]: Wire<T[K]> }
              : T extends object
                ? { [K in keyof T as T[K] extends (...given: never[]) => unknown ? never : K]: Wire<Exclude<T[K], undefined>> }
                : T;

/** How deep a value may go; the host's own limit is of this order. */
const DEEPEST = 120;

/** The value as JSON holds it. Throws `Misfit`. */
export function encode(value: unknown, at: string, outer: readonly object[] = []): unknown {
  switch (typeof value) {
    case "undefined":
      return null;
    case "string":
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) throw new Misfit(at, `JSON has no ${value}`);
      return value;
    case "bigint":
      throw new Misfit(at, `JSON has no bigint; use Number(...) or String(...) of ${value}n`);
    case "symbol":
    case "function":
      throw new Misfit(at, `a ${typeof value} can't be passed on as JSON`);
  }
  if (value === null) return null;
  const object = value as object;
  if (object instanceof Artifact) return { $artifact: object.reference };
  if (outer.includes(object)) throw new Misfit(at, "it holds itself");
  if (outer.length >= DEEPEST) throw new Misfit(at, `it is nested more than ${DEEPEST} deep`);
  const within = [...outer, object];
  const { toJSON } = object as { toJSON?: unknown };
  if (typeof toJSON === "function") return encode(toJSON.call(object, ""), at, within);
  if (Array.isArray(object)) {
    return object.map((item, index) => {
      if (item === undefined) throw new Misfit(`${at}[${index}]`, "JSON has no undefined");
      return encode(item, `${at}[${index}]`, within);
    });
  }
  refuse(object, at);
  const fields: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(object)) {
    if (field !== undefined) fields[name] = encode(field, step(at, name), within);
  }
  return fields;
}

/** Objects that JSON would make `{}` of, silently. */
function refuse(object: object, at: string): void {
  const instead: [abstract new (...given: never[]) => unknown, string][] = [
    [Map, "Object.fromEntries(it), or [...it]"],
    [Set, "[...it]"],
    [Promise, "await it"],
    [Error, "its message"],
    [RegExp, "its source"],
    [ArrayBuffer, "an Artifact, or text"],
  ];
  if (ArrayBuffer.isView(object)) {
    throw new Misfit(at, `a ${object.constructor.name} can't be passed on as JSON; use an Artifact, or Array.from(it)`);
  }
  for (const [kind, better] of instead) {
    if (object instanceof kind) throw new Misfit(at, `a ${kind.name} can't be passed on as JSON; use ${better}`);
  }
}

/** The value of JSON with its artifacts. */
export function decode(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(decode);
  const { $artifact } = value as { $artifact?: unknown };
  if (typeof $artifact === "string" && Object.keys(value).length === 1) return new Artifact($artifact);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, decode(field)]));
}

/** A step further into a value, as one writes it. */
export function step(at: string, name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `${at}.${name}` : `${at}[${JSON.stringify(name)}]`;
}
