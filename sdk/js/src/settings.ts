/**
 * What may be set on tasks and DAGs, and the document's names for it. Types
 * hold an author in TypeScript to these names; the same is checked when the
 * program is built, for those in JavaScript.
 */

import { type Condition, condition, outlets } from "./asset.js";
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

/** Why an attempt failed. */
export type FailureCode =
  | "author"
  | "trap"
  | "stack_overflow"
  | "exit"
  | "timeout"
  | "cpu_limit"
  | "memory_limit"
  | "table_limit"
  | "output_limit"
  | "scratch_limit"
  | "artifact_limit"
  | "handle_limit"
  | "host_call_limit"
  | "invalid_output"
  | "invalid_entry"
  | "denied"
  | "cancelled"
  | "no_slot"
  | "internal";

/** What a missed deadline does: it notifies, or also stops what has not ended. */
export type OnMissedDeadline = "notify" | "stop";

/** `"absolute"`: a task has the priority that it sets. `"inherited"`: it is at least as urgent as each task that waits for it, directly or not. */
export type PriorityRule = "absolute" | "inherited";

/** At most `runs` runs start within any span of the length `per`. */
export interface RateLimit {
  runs: number;
  per: Duration;
}

export interface TaskSettings {
  /** The task's name in the DAG; the function's name where absent. */
  id?: string;
  description?: string;
  /** Attempts beyond the first. */
  retries?: number;
  /** The codes of the failures that are retried; every failure that may pass is where absent. */
  retryOn?: readonly FailureCode[];
  retryDelay?: Duration;
  /** Each further wait is this many times the one before. */
  retryBackoff?: number;
  retryMaxDelay?: Duration;
  /** The share of a wait that is random. */
  retryJitter?: number;
  /** The longest an attempt may take. */
  timeout?: Duration;
  /**
   * How long after its run was due all its instances have ended. A scheduled run was due at its date, another one when
   * it was created.
   */
  deadline?: Duration;
  /** `"notify"` where absent. */
  onMissedDeadline?: OnMissedDeadline;
  /** Whether it waits until, in the scheduled or backfilled run before, it succeeded or was skipped. */
  dependsOnPast?: boolean;
  /** As `dependsOnPast`, and its direct downstreams as well. */
  waitForDownstream?: boolean;
  /** Whether it is skipped in a scheduled or backfilled run after which another one is due. */
  latestOnly?: boolean;
  triggerRule?: TriggerRule;
  /** What the task asks to be allowed to do. */
  grants?: { http?: readonly string[]; variables?: readonly string[]; connections?: readonly string[]; dags?: readonly string[] };
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
  /** A whole number; of the tasks that are ready, those with the highest go first. The DAG's where absent. */
  priority?: number;
  /** The names of the assets that each success updates. */
  outlets?: readonly string[];
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
  /** The people or teams that own the DAG. */
  owners?: readonly string[];
  /** Cron, a preset such as `"@daily"`, or `"every 15m"`; or a list of these and of dates such as `"2026-12-24T06:00"`. */
  schedule?: string | readonly string[];
  /** Days in the time zone on which the schedule makes no runs: `"2026-12-25"`, or `"12-25"` of each year. */
  holidays?: readonly string[];
  /** Which updates of assets create runs, beside the schedule. */
  onAssets?: Condition;
  timezone?: string;
  start?: string | Date;
  end?: string | Date;
  catchup?: boolean;
  maxActiveRuns?: number;
  /** A template such as `"{{ params.customer }}"`: runs for which it gives the same text count together. */
  concurrencyKey?: string;
  /** How many runs with one key are active at once; 1 where absent. */
  maxActiveRunsPerKey?: number;
  /** How many runs start within a span: of each key, or of the DAG where it has no `concurrencyKey`. */
  rateLimit?: RateLimit;
  maxActiveTasks?: number;
  timeout?: Duration;
  /** How long after it was due a run has ended: after its date if its schedule made it, otherwise after its creation. */
  deadline?: Duration;
  /** `"notify"` where absent. */
  onMissedDeadline?: OnMissedDeadline;
  /** The priority of its tasks that set none; 0 where absent. */
  priority?: number;
  /** `"absolute"` where absent. */
  priorityRule?: PriorityRule;
}

export const TASK = [
  "id",
  "description",
  "retries",
  "retryOn",
  "retryDelay",
  "retryBackoff",
  "retryMaxDelay",
  "retryJitter",
  "timeout",
  "deadline",
  "onMissedDeadline",
  "dependsOnPast",
  "waitForDownstream",
  "latestOnly",
  "triggerRule",
  "grants",
  "limits",
  "maxActive",
  "deterministic",
  "queue",
  "pool",
  "poolSlots",
  "priority",
  "outlets",
  "types",
] as const;

export const DAG = [
  "id",
  "description",
  "tags",
  "owners",
  "schedule",
  "holidays",
  "onAssets",
  "timezone",
  "start",
  "end",
  "catchup",
  "maxActiveRuns",
  "concurrencyKey",
  "maxActiveRunsPerKey",
  "rateLimit",
  "maxActiveTasks",
  "timeout",
  "deadline",
  "onMissedDeadline",
  "priority",
  "priorityRule",
  "params",
] as const;

/** Settings whose values are checked as well. */
const CHECKED: Readonly<Record<string, (given: unknown) => unknown>> = {
  outlets,
  onAssets: condition,
  schedule,
  holidays,
  owners,
  concurrencyKey,
  maxActiveRunsPerKey: (given) => atLeastOne(given, "it"),
  rateLimit,
  priority,
  priorityRule,
};

/** One schedule is a text, unless it is a date. */
function schedule(given: unknown): string | string[] {
  const several = Array.isArray(given) ? given.map(text) : [text(given)];
  if (several.length === 0) throw new TypeError("a list of schedules has at least one");
  const [one] = several as [string];
  return several.length === 1 && !/^\s*\d{4}-/.test(one) ? one : several;
}

function text(given: unknown): string {
  if (typeof given === "string") return given;
  throw new TypeError(`a schedule is cron, a preset, "every 15m", a date, or a list of these, not ${JSON.stringify(given)}`);
}

function holidays(given: unknown): string[] {
  if (!Array.isArray(given)) throw new TypeError(`holidays are a list of days such as ["2026-12-25"], not ${JSON.stringify(given)}`);
  for (const day of given) {
    if (typeof day === "string" && /^(\d{4}-)?\d\d-\d\d$/.test(day)) continue;
    throw new TypeError(`a holiday is "2026-12-25", or "12-25" of each year, not ${JSON.stringify(day)}`);
  }
  return [...given];
}

function owners(given: unknown): string[] {
  if (Array.isArray(given) && given.every((name) => typeof name === "string")) return [...given];
  throw new TypeError(`owners are a list of names such as ["team-a"], not ${JSON.stringify(given)}`);
}

function concurrencyKey(given: unknown): string {
  if (typeof given === "string" && given !== "") return given;
  throw new TypeError(`a key is a template such as "{{ params.customer }}", not ${JSON.stringify(given)}`);
}

function rateLimit(given: unknown): RateLimit {
  const { runs, per, ...more } = (given ?? {}) as Partial<RateLimit>;
  if ((typeof per !== "number" && typeof per !== "string") || Object.keys(more).length > 0) {
    throw new TypeError(`a limit is such as { runs: 100, per: "1m" }, not ${JSON.stringify(given)}`);
  }
  return { runs: atLeastOne(runs, "runs"), per };
}

function priority(given: unknown): number {
  if (typeof given === "number" && given === (given | 0)) return given;
  throw new TypeError(`a priority is a whole number of 32 bits, not ${JSON.stringify(given)}`);
}

function priorityRule(given: unknown): PriorityRule {
  if (given === "absolute" || given === "inherited") return given;
  throw new TypeError(`the rule is "absolute" or "inherited", not ${JSON.stringify(given)}`);
}

function atLeastOne(given: unknown, what: string): number {
  if (Number.isSafeInteger(given) && (given as number) >= 1) return given as number;
  throw new TypeError(`${what} is a whole number of at least 1, not ${JSON.stringify(given)}`);
}

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
    found[field] = value instanceof Date ? value.toISOString() : checked(name, value, what);
  }
  return found;
}

function checked(name: string, value: unknown, what: string): unknown {
  try {
    return Object.hasOwn(CHECKED, name) ? CHECKED[name]!(value) : value;
  } catch (error) {
    throw new TypeError(`${what}: ${name}: ${(error as Error).message}`);
  }
}
