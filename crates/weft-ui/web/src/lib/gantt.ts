/** Bars of a Gantt from attempts: per row what was waited, run, failed and retried. Pure. */
import type { AttemptBar } from "../api/shapes";
import type { InstanceState } from "../state/states";
import { ms } from "./time";

export type SegmentKind = "wait" | "ran" | "retried" | "failed" | "running" | "deferred" | "cancelled";

export interface Segment {
  kind: SegmentKind;
  from: number;
  to: number;
}

/** How an attempt's end reads as a segment. */
function kindOf(state: string, last: boolean): SegmentKind {
  if (state === "success" || state === "skipped") return "ran";
  if (state === "running") return "running";
  if (state === "deferred") return "deferred";
  if (state === "failed" || state === "lost" || state === "upstream_failed") return last ? "failed" : "retried";
  if (state === "up_for_retry") return "retried";
  if (state === "revoked" || state === "cancelled") return "cancelled";
  return "ran";
}

/** The segments of one instance's attempts. An open end is now. */
export function segments(attempts: readonly AttemptBar[], now: number): Segment[] {
  const out: Segment[] = [];
  attempts.forEach((attempt, i) => {
    const queued = ms(attempt.queued);
    const started = ms(attempt.started);
    const ended = ms(attempt.ended);
    const waitedUntil = started ?? ended ?? now;
    if (queued !== undefined && waitedUntil > queued) out.push({ kind: "wait", from: queued, to: waitedUntil });
    if (started !== undefined) {
      const kind = ended === undefined ? "running" : kindOf(attempt.state, i === attempts.length - 1);
      out.push({ kind, from: started, to: Math.max(started, ended ?? now) });
    }
  });
  return out;
}

/** Which of several overlapping segments is painted last: a failure is never hidden. */
const WEIGHT: Record<SegmentKind, number> = {
  wait: 0,
  ran: 1,
  cancelled: 2,
  deferred: 3,
  running: 4,
  retried: 5,
  failed: 6,
};

export interface Bar {
  segments: Segment[];
  from: number;
  to: number;
}

/** All attempts of a row's tasks as one bar; spans under `least` ms are merged with what they touch, failures never. */
export function bar(attempts: readonly AttemptBar[], now: number, least: number): Bar | undefined {
  const byInstance = new Map<string, AttemptBar[]>();
  for (const attempt of attempts) {
    const key = `${attempt.task} ${attempt.index}`;
    const list = byInstance.get(key);
    if (list) list.push(attempt);
    else byInstance.set(key, [attempt]);
  }
  const all = [...byInstance.values()].flatMap((list) => segments(list, now));
  if (all.length === 0) return undefined;
  const merged = (Object.keys(WEIGHT) as SegmentKind[]).flatMap((kind) => merge(all, kind, least));
  merged.sort((a, b) => WEIGHT[a.kind] - WEIGHT[b.kind] || a.from - b.from);
  // What one instance waited while another ran is not the row's waiting.
  const firstRun = Math.min(...all.filter((s) => s.kind !== "wait").map((s) => s.from), Number.POSITIVE_INFINITY);
  const shown = byInstance.size > 1 ? merged.filter((s) => s.kind !== "wait" || s.from < firstRun) : merged;
  const clipped =
    byInstance.size > 1
      ? shown.map((s) => (s.kind === "wait" && Number.isFinite(firstRun) ? { ...s, to: Math.min(s.to, firstRun) } : s))
      : shown;
  return {
    segments: clipped,
    from: Math.min(...all.map((s) => s.from)),
    to: Math.max(...all.map((s) => s.to)),
  };
}

function merge(all: readonly Segment[], kind: SegmentKind, least: number): Segment[] {
  const mine = all.filter((s) => s.kind === kind).sort((a, b) => a.from - b.from);
  const out: Segment[] = [];
  for (const s of mine) {
    const last = out.at(-1);
    if (last && s.from - last.to <= least) last.to = Math.max(last.to, s.to);
    else out.push({ ...s });
  }
  return out;
}

/** Round steps of an axis, in ms. */
const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5,
  216e5, 432e5, 864e5, 1728e5, 6048e5,
];

/** Ticks of a span: as many as fit with `apart` px between them. */
export function ticks(from: number, to: number, width: number, apart = 72): { at: number; step: number }[] {
  const span = Math.max(1, to - from);
  const step = STEPS.find((s) => (s / span) * width >= apart) ?? 6048e5;
  const out: { at: number; step: number }[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) out.push({ at, step });
  return out;
}

/** Segments' colours by the states they belong to. */
export const SEGMENT_STATE: Record<SegmentKind, InstanceState> = {
  wait: "queued",
  ran: "success",
  retried: "up_for_retry",
  failed: "failed",
  running: "running",
  deferred: "deferred",
  cancelled: "cancelled",
};
