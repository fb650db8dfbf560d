/** Parameters as fields: what a field holds as text, what it means, what is wrong with it. Pure. */
import type { ParamDetail } from "../../api/types";

/** The part of JSON Schema that fields know; the server checks everything. */
export interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  title?: string;
  description?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  minItems?: number;
  maxItems?: number;
  items?: Schema;
}

export type Kind = "choice" | "boolean" | "integer" | "number" | "text" | "json";

export const schemaOf = (param: Pick<ParamDetail, "schema">): Schema =>
  param.schema !== null && typeof param.schema === "object" ? (param.schema as Schema) : {};

export function kindOf(param: ParamDetail): Kind {
  const schema = schemaOf(param);
  if (schema.enum) return "choice";
  const types = Array.isArray(schema.type) ? schema.type.filter((t) => t !== "null") : schema.type ? [schema.type] : [];
  const type = types.length === 1 ? types[0] : undefined;
  if (type === "boolean" || type === "integer" || type === "number") return type;
  if (type === "string") return "text";
  if (type === "array" || type === "object") return "json";
  // No schema: what the default is.
  switch (typeof param.default) {
    case "boolean":
      return "boolean";
    case "number":
      return "number";
    case "string":
      return "text";
    default:
      return "json";
  }
}

/** A value as a field shows it. */
export function textOf(kind: Kind, value: unknown): string {
  if (value === undefined) return "";
  if (kind === "text" && typeof value === "string") return value;
  if (kind === "json") return JSON.stringify(value, null, 2);
  return typeof value === "string" && kind !== "choice" ? value : JSON.stringify(value);
}

export type Reading = { value: unknown; error?: undefined } | { value?: undefined; error: string };

/** What a field's text means; for fields that are left empty the caller decides. */
export function read(param: ParamDetail, text: string): Reading {
  const kind = kindOf(param);
  const schema = schemaOf(param);
  if (kind === "text") return checkText(schema, text);
  if (kind === "integer" || kind === "number") {
    const n = Number(text.trim());
    if (text.trim() === "" || !Number.isFinite(n)) return { error: "This is no number" };
    if (kind === "integer" && !Number.isInteger(n)) return { error: "This is no whole number" };
    return checkNumber(schema, n);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (e) {
    return { error: `This is no JSON: ${e instanceof Error ? e.message : String(e)}` };
  }
  if (Array.isArray(value)) {
    const { minItems, maxItems } = schema;
    if (minItems !== undefined && value.length < minItems) return { error: `At least ${minItems} items are needed` };
    if (maxItems !== undefined && value.length > maxItems) return { error: `At most ${maxItems} items are allowed` };
  }
  return { value };
}

function checkNumber(schema: Schema, n: number): Reading {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (minimum !== undefined && n < minimum) return { error: `${n} is less than the minimum of ${minimum}` };
  if (maximum !== undefined && n > maximum) return { error: `${n} is more than the maximum of ${maximum}` };
  if (exclusiveMinimum !== undefined && n <= exclusiveMinimum)
    return { error: `It must be more than ${exclusiveMinimum}` };
  if (exclusiveMaximum !== undefined && n >= exclusiveMaximum)
    return { error: `It must be less than ${exclusiveMaximum}` };
  if (multipleOf && Math.abs(n / multipleOf - Math.round(n / multipleOf)) > 1e-9) {
    return { error: `It must be a multiple of ${multipleOf}` };
  }
  return { value: n };
}

function checkText(schema: Schema, text: string): Reading {
  const { minLength, maxLength, pattern } = schema;
  const length = [...text].length;
  if (minLength !== undefined && length < minLength) return { error: `At least ${minLength} characters are needed` };
  if (maxLength !== undefined && length > maxLength) return { error: `At most ${maxLength} characters are allowed` };
  if (pattern !== undefined) {
    try {
      if (!new RegExp(pattern, "u").test(text)) return { error: `It does not match ${pattern}` };
    } catch {
      // A pattern of another dialect: the server knows it.
    }
  }
  return { value: text };
}

/** What a field may hold, in a few words. */
export function hint(param: ParamDetail): string {
  const s = schemaOf(param);
  const out: string[] = [];
  if (s.minimum !== undefined && s.maximum !== undefined) out.push(`${s.minimum} to ${s.maximum}`);
  else if (s.minimum !== undefined) out.push(`at least ${s.minimum}`);
  else if (s.maximum !== undefined) out.push(`at most ${s.maximum}`);
  if (s.multipleOf !== undefined) out.push(`in steps of ${s.multipleOf}`);
  if (s.maxLength !== undefined) out.push(`at most ${s.maxLength} characters`);
  if (s.format) out.push(s.format);
  if (s.maxItems !== undefined) out.push(`at most ${s.maxItems} items`);
  return out.join(", ");
}
