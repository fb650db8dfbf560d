/**
 * Assets: named data that tasks update, and conditions on them that create
 * runs. A task names its assets as `outlets`, a DAG its condition as
 * `onAssets`. What a success updates needs no more than that; `update` adds
 * the partition and metadata. The server checks all of it again: what is
 * refused here is refused before anything is built or run.
 */

import { encode, Misfit } from "./wire.js";

/** The longest name and the longest partition, in bytes. */
const MAX_NAME_BYTES = 250;
const MAX_PARTITION_BYTES = 250;
/** The longest metadata of an update, in bytes of JSON. */
const MAX_METADATA_BYTES = 4096;
/** The most assets that a task updates, and that a condition names. */
const MAX_OUTLETS = 64;
const MAX_CONDITION_ASSETS = 64;
/** The deepest nesting of conditions. */
const MAX_CONDITION_DEPTH = 8;
/** The most updates of one attempt. */
const MAX_UPDATES = 256;

const UPDATE = ["asset", "partition", "metadata"];

/**
 * A condition on assets. A name holds if the asset was updated since the DAG's last run that assets created; of a list
 * all must hold. With `within`, text such as `"1d"` or a number of seconds, the asset's last update is at most this long ago.
 */
export type Condition =
  | string
  | readonly Condition[]
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly asset: string; readonly within?: number | string };

/** All of these hold. */
export function allOf(...conditions: readonly Condition[]): Condition {
  return { all: conditions };
}

/** One of these holds. */
export function anyOf(...conditions: readonly Condition[]): Condition {
  return { any: conditions };
}

/** The asset's last update is at most this long ago: text such as `"1d"`, or a number of seconds. */
export function within(asset: string, span: number | string): Condition {
  return { asset, within: span };
}

/** What consumers should know of an update. */
export interface AssetUpdate {
  /** One of the task's outlets. */
  asset: string;
  /** Which part of the asset, such as a date. */
  partition?: string;
  /** At most 4 KiB of JSON. */
  metadata?: Readonly<Record<string, unknown>>;
}

/** An update as a run that assets created has it: its parameter `assets` is a `Record<string, RecordedUpdate[]>`. */
export interface RecordedUpdate {
  partition?: string;
  metadata?: Record<string, unknown>;
  /** When it was recorded, in RFC 3339. */
  at: string;
  /** The run whose task updated the asset; left out where a client did. */
  run?: string;
}

/** An output, and the updates that a task reports with it. */
export class Update {
  constructor(readonly output: unknown, readonly assets: readonly Readonly<Record<string, unknown>>[]) {}
}

/**
 * A task's answer: its output, and what consumers of its outlets should know. Outlets that are not named are updated as
 * well, without a partition. To the compiler, the task returns its output.
 */
export function update<T>(output: T, { assets }: { assets: readonly AssetUpdate[] }): T {
  if (!Array.isArray(assets)) throw new TypeError('`assets` is a list such as [{ asset: "orders", partition: "2026-11-26" }]');
  if (assets.length > MAX_UPDATES) throw new RangeError(`an attempt reports at most ${MAX_UPDATES} updates of assets, not ${assets.length}`);
  const reported = assets.map(checked);
  const seen = new Set<string>();
  for (const { asset, partition } of reported) {
    const key = JSON.stringify([asset, partition]);
    if (seen.has(key)) throw new TypeError(`the asset ${asset} is reported twice with the same partition`);
    seen.add(key);
  }
  return new Update(output, reported) as T;
}

function checked(given: AssetUpdate): Record<string, unknown> {
  if (!isObject(given)) throw new TypeError(`an update is an object such as { asset: "orders" }, not ${JSON.stringify(given)}`);
  const unknown = Object.keys(given).find((key) => !UPDATE.includes(key));
  if (unknown !== undefined) throw new TypeError(`an update has no ${JSON.stringify(unknown)}; it has ${UPDATE.join(", ")}`);
  const asset = name(given.asset);
  const { partition, metadata } = given;
  if (partition !== undefined && !isPartition(partition)) {
    throw new TypeError(`\`partition\` of ${asset} is text of 1 to ${MAX_PARTITION_BYTES} bytes in one line, without control characters`);
  }
  return {
    asset,
    ...(partition !== undefined && { partition }),
    ...(metadata !== undefined && { metadata: encoded(asset, metadata) }),
  };
}

function isPartition(value: unknown): boolean {
  return typeof value === "string" && value !== "" && bytes(value) <= MAX_PARTITION_BYTES && !/[\u0000-\u001f\u007f-\u009f]/.test(value);
}

function encoded(asset: string, metadata: unknown): unknown {
  if (!isObject(metadata)) throw new TypeError(`\`metadata\` of ${asset} is an object such as { rows: 3 }`);
  let value: unknown;
  try {
    value = encode(metadata, "metadata");
  } catch (error) {
    throw error instanceof Misfit ? new TypeError(`${error.message} (of the asset ${asset})`) : error;
  }
  const size = bytes(JSON.stringify(value));
  if (size > MAX_METADATA_BYTES) throw new RangeError(`\`metadata\` of ${asset} has at most ${MAX_METADATA_BYTES} bytes of JSON, not ${size}`);
  return value;
}

/** The assets that a task updates, checked. */
export function outlets(given: unknown): string[] {
  if (!Array.isArray(given)) throw new TypeError(`outlets are a list of assets' names such as ["orders"], not ${JSON.stringify(given)}`);
  if (given.length > MAX_OUTLETS) throw new RangeError(`a task updates at most ${MAX_OUTLETS} assets, not ${given.length}`);
  const names = given.map(name);
  const twice = names.find((one, at) => names.indexOf(one) !== at);
  if (twice !== undefined) throw new TypeError(`${JSON.stringify(twice)} occurs twice`);
  return names;
}

/** A condition as the document has it, checked. */
export function condition(given: unknown): unknown {
  const names = new Set<string>();
  const document = part(given, names, 1);
  if (names.size > MAX_CONDITION_ASSETS) throw new RangeError(`a condition names at most ${MAX_CONDITION_ASSETS} assets, not ${names.size}`);
  return document;
}

function part(given: unknown, names: Set<string>, depth: number): unknown {
  if (depth > MAX_CONDITION_DEPTH) throw new RangeError(`conditions are nested at most ${MAX_CONDITION_DEPTH} deep`);
  if (typeof given === "string") {
    names.add(name(given));
    return given;
  }
  if (Array.isArray(given)) return parts(given, names, depth);
  if (!isObject(given)) throw new TypeError(`a condition is an asset's name, a list, or allOf(...), anyOf(...), within(...), not ${JSON.stringify(given)}`);
  const { all, any, asset, within: span, ...more } = given as Record<string, unknown>;
  const kinds = [all, any, asset].filter((one) => one !== undefined).length;
  if (kinds !== 1 || Object.keys(more).length > 0 || (span !== undefined && asset === undefined)) {
    throw new TypeError('a condition that is an object is { all: [...] }, { any: [...] } or { asset: "orders", within: "1d" }');
  }
  if (all !== undefined) return { all: parts(all, names, depth) };
  if (any !== undefined) return { any: parts(any, names, depth) };
  if (span !== undefined && typeof span !== "number" && typeof span !== "string") {
    throw new TypeError(`\`within\` is text such as "1d" or a number of seconds, not ${JSON.stringify(span)}`);
  }
  names.add(name(asset));
  return { asset, ...(span !== undefined && { within: span }) };
}

function parts(given: unknown, names: Set<string>, depth: number): unknown[] {
  if (!Array.isArray(given)) throw new TypeError(`conditions are in a list, not ${JSON.stringify(given)}`);
  if (given.length === 0) throw new TypeError("a condition names at least one asset");
  return given.map((one) => part(one, names, depth + 1));
}

function name(given: unknown): string {
  if (typeof given !== "string") throw new TypeError(`the name of an asset is text such as "s3://lake/orders", not ${JSON.stringify(given)}`);
  if (bytes(given) > MAX_NAME_BYTES) throw new RangeError(`the name of an asset has at most ${MAX_NAME_BYTES} bytes, this one has ${bytes(given)}`);
  if (!/^[A-Za-z0-9_][A-Za-z0-9_./:@+=%~-]*$/.test(given)) {
    throw new TypeError(
      `the name of an asset is made of letters, digits and the characters _ - . / : @ + = % ~, and starts with a letter, a digit or '_'; ${JSON.stringify(given)} does not`,
    );
  }
  return given;
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
