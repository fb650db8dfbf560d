/** An answer to what a task asks: the form's fields, the buttons, the equal command, where a refusal belongs. Pure. */
import type { Asker } from "../../api/approvals";
import type { Approval, NewDecision, ParamDetail } from "../../api/types";
import { shell } from "../../lib/text";
import { asText } from "../trigger/commands";
import { kindOf, read, textOf } from "../trigger/params";

/** The longest comment, in bytes. */
export const MAX_COMMENT_BYTES = 4096;

/** The field of a form that has no fields of its own to show: its whole value, as JSON. */
export const WHOLE = "fields";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Keywords that say more about the object than fields show. */
const MORE = ["$ref", "allOf", "anyOf", "oneOf", "not", "if", "patternProperties", "minProperties"];

export interface Form {
  params: ParamDetail[];
  /** The one parameter is the whole value. */
  whole: boolean;
}

/** The fields of a form: one for each property, or one for the object where its schema is not a list of properties. */
export function formOf(schema: unknown): Form {
  if (schema === undefined || schema === null) return { params: [], whole: false };
  const { properties, required } = isObject(schema) ? schema : {};
  const needed = Array.isArray(required) ? required : [];
  const simple =
    isObject(schema) &&
    isObject(properties) &&
    Object.keys(properties).length > 0 &&
    needed.every((name) => typeof name === "string" && Object.hasOwn(properties, name)) &&
    !MORE.some((keyword) => keyword in schema);
  if (!simple) return { params: [{ name: WHOLE, required: true, schema: { type: "object" } }], whole: true };
  const params = Object.entries(properties).map(([name, of]): ParamDetail => {
    const standard = isObject(of) ? of.default : undefined;
    return {
      name,
      required: needed.includes(name),
      schema: of,
      ...(standard !== undefined ? { default: standard } : {}),
    };
  });
  return { params, whole: false };
}

export type Texts = ReadonlyMap<string, string>;

/** What the fields hold at first. A check box that is needed is not checked; an optional one that no one touches says nothing. */
export function filled({ params, whole }: Form): Texts {
  return new Map(
    params.map((p) => {
      if (whole) return [p.name, "{}"];
      const text = textOf(kindOf(p), p.default);
      return [p.name, text === "" && p.required && kindOf(p) === "boolean" ? "false" : text];
    }),
  );
}

/** The form's values, and what is wrong with a field's text. What is optional and empty is left out. */
export function valuesOf({ params, whole }: Form, texts: Texts): { fields: Record<string, unknown>; wrong: Texts } {
  const values: [string, unknown][] = [];
  const wrong = new Map<string, string>();
  for (const p of params) {
    const text = texts.get(p.name) ?? "";
    if (text === "") {
      if (p.required) wrong.set(p.name, "A value is needed");
      continue;
    }
    const reading = read(p, text);
    if (reading.error !== undefined) wrong.set(p.name, reading.error);
    else if (whole && !isObject(reading.value)) wrong.set(p.name, 'This is no object, such as {"rows": 100}');
    else values.push([p.name, reading.value]);
  }
  if (whole) return { fields: (values[0]?.[1] ?? {}) as Record<string, unknown>, wrong };
  return { fields: Object.fromEntries(values), wrong };
}

export function commentProblem(comment: string): string | undefined {
  const size = new TextEncoder().encode(comment).length;
  return size > MAX_COMMENT_BYTES
    ? `A comment has at most ${MAX_COMMENT_BYTES} bytes, and this one has ${size}`
    : undefined;
}

/** The options as buttons: `approve` first, `reject` last, others as the task named them. */
export function ordered(options: readonly string[]): string[] {
  const rank = (option: string) => (option === "approve" ? 0 : option === "reject" ? 2 : 1);
  return [...options].sort((a, b) => rank(a) - rank(b));
}

/** Only what was typed: no empty comment, no values without a form. */
export function bodyOf(option: string, comment: string, fields: Record<string, unknown>): NewDecision {
  return {
    option,
    ...(comment.trim() ? { comment: comment.trim() } : {}),
    ...(Object.keys(fields).length > 0 ? { fields } : {}),
  };
}

export function command(at: Asker, { option, comment, fields }: NewDecision): string {
  const verb = option === "approve" || option === "reject" ? option : "answer";
  const parts = ["wfctl approvals", verb, at.run, shell(at.task)];
  if (verb === "answer") parts.push(shell(option));
  if (at.index > 0) parts.push(`--index ${at.index}`);
  if (comment) parts.push(`--comment ${shell(comment)}`);
  for (const [name, value] of Object.entries(fields ?? {})) parts.push(`--field ${shell(`${name}=${asText(value)}`)}`);
  return parts.join(" ");
}

/** The API's messages: `the values don't fit the form: at /share: …`, `… form: "share" is a required property`, `a comment has …`. */
const AT = /^the values don't fit the form: (?:at \/([^/:]+)|"([^"]+)" is a required)/;

/** The field that a refusal is about: one of the form, `comment`, or none of them. */
export function refusedField(message: string, { params, whole }: Form): string | undefined {
  if (message.startsWith("a comment ")) return "comment";
  if (whole && message.startsWith("the values ")) return WHOLE;
  const found = AT.exec(message);
  // A JSON Pointer writes `~` and `/` as `~0` and `~1`.
  const name = found?.[1]?.replaceAll("~1", "/").replaceAll("~0", "~") ?? found?.[2];
  return params.find((p) => p.name === name)?.name;
}

/** Why an answer was not taken, for what the person can't correct. */
export function refusal(code: string, { approvers }: Pick<Approval, "approvers">): string | undefined {
  switch (code) {
    case "approval_decided":
      return "Your answer was not taken: somebody was faster.";
    case "approval_over":
      return "Your answer was not taken: the task no longer waits for one.";
    case "approval_forbidden":
      return approvers?.length
        ? `Your answer was not taken: only ${approvers.join(", ")} may answer.`
        : "Your answer was not taken: your token may not answer.";
  }
}
