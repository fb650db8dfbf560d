/**
 * Schemas as an author gives them: JSON Schema, or a value of a library such
 * as zod, valibot or arktype (the Standard Schema interface). Types of
 * TypeScript are gone when a program runs, so that this is how others learn
 * what a task takes and returns, and how values are checked.
 *
 * JSON Schemas are checked here by the keywords that say what a value is; the
 * others are left to those who read the document.
 */

import { Artifact } from "./artifact.js";
import { Misfit, step } from "./wire.js";

export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** https://standardschema.dev, so far as it is used. */
export interface StandardSchema {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    validate(value: unknown): StandardResult | Promise<StandardResult>;
    readonly jsonSchema?: { input(options: { target: string }): unknown; output(options: { target: string }): unknown };
  };
}

interface StandardResult {
  readonly value?: unknown;
  readonly issues?: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] | undefined;
}

export type Schema = JsonSchema | StandardSchema;

const TARGET = { target: "draft-2020-12" };

/** The JSON Schema for the document, if there is a way to it. */
export function described(schema: Schema, side: "input" | "output"): JsonSchema | undefined {
  if (!isStandard(schema)) return schema;
  const standard = schema["~standard"].jsonSchema;
  // Before there was a standard for it, libraries had methods of their own.
  const own = schema as { toJSONSchema?: unknown; toJsonSchema?: unknown };
  const found: unknown = standard
    ? standard[side](TARGET)
    : typeof own.toJSONSchema === "function"
      ? own.toJSONSchema({ io: side })
      : typeof own.toJsonSchema === "function"
        ? own.toJsonSchema()
        : undefined;
  return typeof found === "object" && found !== null ? { ...found } : undefined;
}

/** The value as the schema makes it, which may fill in defaults. Throws `Misfit`. */
export async function checked(schema: Schema, value: unknown, at: string): Promise<unknown> {
  if (!isStandard(schema)) {
    check(schema, value, at);
    return value;
  }
  const result = await schema["~standard"].validate(value);
  const issue = result.issues?.[0];
  if (issue === undefined) return result.value;
  const path = (issue.path ?? []).map((part) => (typeof part === "object" && part !== null ? (part as { key: unknown }).key : part));
  throw new Misfit(
    path.reduce((place: string, key) => (typeof key === "number" ? `${place}[${key}]` : step(place, String(key))), at),
    issue.message,
  );
}

function isStandard(schema: Schema): schema is StandardSchema {
  return (typeof schema === "object" || typeof schema === "function") && schema !== null && "~standard" in schema;
}

type Keywords = Record<string, unknown>;

function check(schema: JsonSchema, value: unknown, at: string): void {
  if (schema === true) return;
  if (schema === false) throw new Misfit(at, "nothing is allowed here");
  if (value instanceof Artifact) return;
  const rules = schema as Keywords;
  const fails = (words: string): never => {
    throw new Misfit(at, `${words}, got ${shown(value)}`);
  };
  if (rules.type !== undefined && ![rules.type].flat().some((type) => isOf(type as string, value))) {
    fails(`expected ${[rules.type].flat().join(" or ")}`);
  }
  if ("const" in rules && !same(rules.const, value)) fails(`expected ${JSON.stringify(rules.const)}`);
  if (Array.isArray(rules.enum) && !rules.enum.some((item) => same(item, value))) {
    fails(`expected one of ${rules.enum.map((item) => JSON.stringify(item)).join(", ")}`);
  }
  for (const all of (rules.allOf as JsonSchema[] | undefined) ?? []) check(all, value, at);
  for (const name of ["anyOf", "oneOf"]) {
    const options = rules[name] as JsonSchema[] | undefined;
    if (options !== undefined) oneFits(options, value, at);
  }
  if (typeof value === "number") checkNumber(rules, value, fails);
  if (typeof value === "string") checkText(rules, value, fails);
  if (Array.isArray(value)) {
    if (value.length < Number(rules.minItems ?? 0)) fails(`expected at least ${rules.minItems} items`);
    if (value.length > Number(rules.maxItems ?? Infinity)) fails(`expected at most ${rules.maxItems} items`);
    if (rules.items !== undefined) value.forEach((item, index) => check(rules.items as JsonSchema, item, `${at}[${index}]`));
  } else if (typeof value === "object" && value !== null) {
    checkFields(rules, value as Keywords, at);
  }
}

function oneFits(options: JsonSchema[], value: unknown, at: string): void {
  let first: unknown;
  for (const option of options) {
    try {
      return check(option, value, at);
    } catch (misfit) {
      first ??= misfit;
    }
  }
  throw first;
}

function checkNumber(rules: Keywords, value: number, fails: (words: string) => never): void {
  if (value < Number(rules.minimum ?? -Infinity)) fails(`expected at least ${rules.minimum}`);
  if (value > Number(rules.maximum ?? Infinity)) fails(`expected at most ${rules.maximum}`);
  if (value <= Number(rules.exclusiveMinimum ?? -Infinity)) fails(`expected more than ${rules.exclusiveMinimum}`);
  if (value >= Number(rules.exclusiveMaximum ?? Infinity)) fails(`expected less than ${rules.exclusiveMaximum}`);
}

function checkText(rules: Keywords, value: string, fails: (words: string) => never): void {
  const length = [...value].length;
  if (length < Number(rules.minLength ?? 0)) fails(`expected at least ${rules.minLength} characters`);
  if (length > Number(rules.maxLength ?? Infinity)) fails(`expected at most ${rules.maxLength} characters`);
  if (typeof rules.pattern === "string" && !new RegExp(rules.pattern, "u").test(value)) fails(`expected what matches ${rules.pattern}`);
}

function checkFields(rules: Keywords, value: Keywords, at: string): void {
  for (const name of (rules.required as string[] | undefined) ?? []) {
    if (!(name in value)) throw new Misfit(step(at, name), "it is missing");
  }
  const properties = (rules.properties ?? {}) as Record<string, JsonSchema>;
  for (const [name, field] of Object.entries(value)) {
    if (Object.hasOwn(properties, name)) check(properties[name]!, field, step(at, name));
    else if (rules.additionalProperties !== undefined) check(rules.additionalProperties as JsonSchema, field, step(at, name));
  }
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** A value, short enough for a message. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
