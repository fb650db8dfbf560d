/** The critical path of a run: from the task that ended last back over the upstream that ended last. Pure. */
import type { AttemptBar } from "../api/shapes";
import { ms } from "./time";

export interface Span {
  from: number;
  /** Undefined while it runs. */
  to?: number | undefined;
}

/** From the first queueing of a task's instances to the end of the last one. */
export function spans(attempts: readonly AttemptBar[]): Map<string, Span> {
  const out = new Map<string, Span>();
  const open = new Set<string>();
  for (const attempt of attempts) {
    const from = ms(attempt.queued) ?? ms(attempt.started);
    if (from === undefined) continue;
    const to = ms(attempt.ended);
    if (to === undefined) open.add(attempt.task);
    const was = out.get(attempt.task);
    if (!was) out.set(attempt.task, { from, to });
    else {
      was.from = Math.min(was.from, from);
      if (to !== undefined) was.to = Math.max(was.to ?? to, to);
    }
  }
  for (const task of open) {
    const span = out.get(task);
    if (span) span.to = undefined;
  }
  return out;
}

export function criticalPath(
  edges: readonly { from: string; to: string }[],
  took: ReadonlyMap<string, Span>,
): string[] {
  const endOf = (task: string): number => {
    const span = took.get(task);
    if (!span) return Number.NEGATIVE_INFINITY;
    return span.to ?? Number.POSITIVE_INFINITY;
  };
  const upstream = new Map<string, string[]>();
  for (const { from, to } of edges) upstream.set(to, [...(upstream.get(to) ?? []), from]);
  let at = [...took.keys()].reduce<string | undefined>(
    (best, task) => (best === undefined || endOf(task) > endOf(best) ? task : best),
    undefined,
  );
  const path: string[] = [];
  while (at !== undefined && !path.includes(at)) {
    path.unshift(at);
    const before: string[] = (upstream.get(at) ?? []).filter((task) => took.has(task));
    at = before.reduce<string | undefined>(
      (best, task) => (best === undefined || endOf(task) > endOf(best) ? task : best),
      undefined,
    );
  }
  return path;
}
