/** The states of instances and runs: codes of the API's columns, names, order of worth, sums; the kinds of runs. */
import type { components } from "../api/schema";

export type InstanceState = components["schemas"]["InstanceState"];
export type RunState = components["schemas"]["RunState"];
export type RunKind = components["schemas"]["RunKind"];
export type Counts = components["schemas"]["Counts"];
/** What a mark can show: states of instances and of runs. */
export type MarkState = InstanceState | "pending" | "none";

/** States by the code that columns of states carry; 0 is 'not in this version'. */
export const BY_CODE: readonly (InstanceState | undefined)[] = [
  undefined,
  "waiting",
  "expanding",
  "ready",
  "queued",
  "running",
  "up_for_retry",
  "deferred",
  "success",
  "failed",
  "skipped",
  "upstream_failed",
  "cancelled",
];

export const CODE = Object.fromEntries(BY_CODE.flatMap((state, code) => (state ? [[state, code]] : []))) as Record<
  InstanceState,
  number
>;

/** The worst first: what a sum shows. A failure is never averaged away. */
export const WORST: readonly InstanceState[] = [
  "failed",
  "upstream_failed",
  "up_for_retry",
  "running",
  "deferred",
  "queued",
  "ready",
  "expanding",
  "waiting",
  "cancelled",
  "skipped",
  "success",
];

const RANK = new Map(WORST.map((state, rank) => [state, rank]));

export const rank = (state: InstanceState): number => RANK.get(state) ?? WORST.length;

/** The state that stands for many. */
export function worst(counts: Counts): InstanceState | undefined {
  return WORST.find((state) => counts[state] > 0);
}

/** The worse of two codes; 0 yields to everything. */
export function worseCode(a: number, b: number): number {
  const x = BY_CODE[a];
  const y = BY_CODE[b];
  if (!x) return b;
  if (!y) return a;
  return rank(x) <= rank(y) ? a : b;
}

export const ENDED: ReadonlySet<InstanceState> = new Set([
  "success",
  "failed",
  "skipped",
  "upstream_failed",
  "cancelled",
]);

export const isEnded = (state: InstanceState | RunState): boolean => ENDED.has(state as InstanceState);

/** For a task: which ones the key `f` stops at. */
export const isFailure = (state: InstanceState): boolean => state === "failed" || state === "upstream_failed";

export function total(counts: Counts): number {
  return WORST.reduce((sum, state) => sum + counts[state], 0);
}

export function ended(counts: Counts): number {
  return [...ENDED].reduce((sum, state) => sum + counts[state], 0);
}

export const NO_COUNTS: Counts = {
  waiting: 0,
  expanding: 0,
  ready: 0,
  queued: 0,
  running: 0,
  up_for_retry: 0,
  deferred: 0,
  success: 0,
  failed: 0,
  skipped: 0,
  upstream_failed: 0,
  cancelled: 0,
};

/** A run's state as a mark: `queued` runs are pending. */
export const runMark = (state: RunState): MarkState => (state === "queued" ? "pending" : state);

export const NAME: Record<MarkState, string> = {
  success: "success",
  failed: "failed",
  running: "running",
  up_for_retry: "up for retry",
  deferred: "deferred",
  waiting: "waiting",
  expanding: "expanding",
  ready: "ready",
  queued: "queued",
  upstream_failed: "upstream failed",
  skipped: "skipped",
  cancelled: "cancelled",
  pending: "pending",
  none: "not in this version",
};

/** Why there is a run. */
export const KIND_NAME: Readonly<Record<RunKind, string>> = {
  manual: "manual",
  scheduled: "scheduled",
  backfill: "backfill",
  called: "called",
  assets: "created by assets",
};
