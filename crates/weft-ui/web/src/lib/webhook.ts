/** Webhooks: JSON Pointers, and a signed request as an example for a shell. Pure. */
import type { Webhook } from "../api/types";
import { shell } from "./text";

/** Whether a text is a JSON Pointer (RFC 6901); the empty one is the whole payload. */
export function isPointer(text: string): boolean {
  return (text === "" || text.startsWith("/")) && !/~(?![01])/.test(text);
}

/** Greater indexes are keys of an object in an example, since an array of that length would hide the rest. */
const MAX_INDEX = 9;

const stepsOf = (pointer: string): string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));

type Node = Record<string, unknown>;

const isIndex = (step: string | undefined): boolean => /^\d$/.test(step ?? "") && Number(step) <= MAX_INDEX;
// Without a prototype, so that a step may have any name.
const empty = (next: string | undefined): Node => (isIndex(next) ? ([] as unknown as Node) : Object.create(null));

/** Puts a value where the pointer leads, where nothing else is there yet. */
function place(payload: Node, pointer: string, value: unknown): void {
  const steps = stepsOf(pointer);
  let at = payload;
  for (const [i, step] of steps.entries()) {
    if (i === steps.length - 1) {
      at[step] ??= value;
      return;
    }
    at[step] ??= empty(steps[i + 1]);
    const next = at[step];
    if (typeof next !== "object" || next === null || (Array.isArray(next) && !isIndex(steps[i + 1]))) return;
    at = next as Node;
  }
}

/** A payload in which each pointer finds something. */
export function examplePayload(
  { form, params, events }: Pick<Webhook, "form" | "params" | "events">,
  exampleOf: (param: string) => unknown,
): string {
  const payload: Node = Object.create(null);
  if (form === "stripe") payload.id = "evt_example";
  if (form !== "github" && events[0]) payload.type = events[0];
  for (const [name, pointer] of Object.entries(params)) if (pointer !== "") place(payload, pointer, exampleOf(name));
  return JSON.stringify(payload);
}

/** The file that the example reads the secret from. */
export const SECRET_FILE = "hook.secret";

const digestOf = (text: string): string =>
  `$(${text} | openssl dgst -sha256 -hmac "$(cat ${SECRET_FILE})" | sed 's/.* //')`;

/** A signed request by curl. */
export function exampleRequest(hook: Webhook, url: string, exampleOf: (param: string) => unknown): string {
  const body = `body='${examplePayload(hook, exampleOf).replaceAll("'", `'\\''`)}'`;
  const post = [`curl ${shell(url)}`, "  -H 'Content-Type: application/json'"];
  if (hook.form === "github") {
    const event = hook.events[0] ?? "push";
    post.push(`  -H ${shell(`X-GitHub-Event: ${event}`)}`, '  -H "X-Hub-Signature-256: sha256=$digest"');
    return [body, `digest=${digestOf(`printf '%s' "$body"`)}`, join(post)].join("\n");
  }
  const field = hook.form === "stripe" ? "Stripe-Signature" : "Weft-Signature";
  post.push(`  -H "${field}: t=$t,v1=$v1"`);
  return ["t=$(date +%s)", body, `v1=${digestOf(`printf '%s.%s' "$t" "$body"`)}`, join(post)].join("\n");
}

const join = (post: readonly string[]): string => [...post, '  -d "$body"'].join(" \\\n");
