/**
 * What may be set on tasks and DAGs, and the document's names for it. Types
 * hold an author in TypeScript to these names; the same is checked when the
 * program is built, for those in JavaScript.
 */

import type { Schema } from "./schema.js";

/** A number of seconds, or text such as `"5m"`. */
export type Duration = number | string;

export type TriggerRule =
  | "all_success"
  | "all_failed"
  | "all_done"
  | "all_done_min_one_success"
  | "all_skipped"
  | "one_failed"
  | "one_success"
  | "one_done"
  | "none_failed"
  | "none_failed_min_one_success"
  | "none_skipped"
  | "always";

export interface TaskSettings {
  /** The task's name in the DAG; the function's name where absent. */
  id?: string;
  description?: string;
  /** Attempts beyond the first. */
  retries?: number;
  retryDelay?: Duration;
  /** Each further wait is this many times the one before. */
  retryBackoff?: number;
  retryMaxDelay?: Duration;
  /** The share of a wait that is random. */
  retryJitter?: number;
  /** The longest an attempt may take. */
  timeout?: Duration;
  triggerRule?: TriggerRule;
  /** What the task asks to be allowed to do. */
  grants?: { http?: readonly string[]; variables?: readonly string[]; connections?: readonly string[] };
  limits?: {
    memory?: number | string;
    cpu?: Duration;
    scratch?: number | string;
    output?: number | string;
    log?: number | string;
    artifact?: number | string;
  };
  /** How many instances of a mapped task run at once. */
  maxActive?: number;
  /** Whether it runs on the deterministic engine. */
  deterministic?: boolean;
  queue?: string;
  pool?: string;
  poolSlots?: number;
  priority?: number;
}

/** Schemas of what a task takes and returns, since types are gone when it runs. */
export interface TaskTypes {
  inputs?: Readonly<Record<string, Schema>>;
  output?: Schema;
}

export interface DagSettings {
  /** The DAG's name; the function's name where absent. */
  id?: string;
  description?: string;
  tags?: readonly string[];
  /** Cron, a preset such as `"@daily"`, or `"every 15m"`. */
  schedule?: string;
  timezone?: string;
  start?: string | Date;
  end?: string | Date;
  catchup?: boolean;
  maxActiveRuns?: number;
  maxActiveTasks?: number;
  timeout?: Duration;
}

export const TASK = [
  "id",
  "description",
  "retries",
  "retryDelay",
  "retryBackoff",
  "retryMaxDelay",
  "retryJitter",
  "timeout",
  "triggerRule",
  "grants",
  "limits",
  "maxActive",
  "deterministic",
  "queue",
  "pool",
  "poolSlots",
  "priority",
  "types",
] as const;

export const DAG = [
  "id",
  "description",
  "tags",
  "schedule",
  "timezone",
  "start",
  "end",
  "catchup",
  "maxActiveRuns",
  "maxActiveTasks",
  "timeout",
  "params",
] as const;

/** The settings as fields of the document. A name that isn't known is an error. */
export function fields(given: object, known: readonly string[], what: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!known.includes(name)) {
      const near = known.find((candidate) => candidate.toLowerCase() === name.replaceAll("_", "").toLowerCase());
      throw new TypeError(`${what} has no setting ${JSON.stringify(name)}; ${near ? `did you mean ${near}?` : `there are ${known.join(", ")}`}`);
    }
    if (value === undefined || value === null) continue;
    const field = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    found[field] = value instanceof Date ? value.toISOString() : value;
  }
  return found;
}
