/** Runs that called each other, as rows: each below its caller, folded branches summed up. Pure. */
import type { TreeRun } from "../api/types";
import { isEnded } from "../state/states";

export interface CallRow {
  run: TreeRun;
  depth: number;
  /** Whether what it called is shown; undefined if it called nothing. */
  open: boolean | undefined;
  /** How many runs are below it, at any depth, and how many of them failed or have not ended. */
  below: Below;
}

export interface Below {
  runs: number;
  failed: number;
  active: number;
}

/** The API's order: every caller comes before what it called. */
type Runs = readonly TreeRun[];

/** What is below each run that called others. */
export function sums(runs: Runs): ReadonlyMap<string, Below> {
  const out = new Map<string, Below>();
  const place = new Map(runs.map((run, i) => [run.id, i]));
  // From the last to the first, so that a run's own sum is complete before its caller's takes it in.
  for (let i = runs.length - 1; i >= 0; i -= 1) {
    const run = runs[i];
    const caller = run?.called_by?.run;
    if (!run || caller === undefined || !place.has(caller)) continue;
    const own = out.get(run.id);
    const sum = out.get(caller) ?? { runs: 0, failed: 0, active: 0 };
    sum.runs += 1 + (own?.runs ?? 0);
    sum.failed += (run.state === "failed" ? 1 : 0) + (own?.failed ?? 0);
    sum.active += (isEnded(run.state) ? 0 : 1) + (own?.active ?? 0);
    out.set(caller, sum);
  }
  return out;
}

/** Runs of a state, with those that called them down to it; all runs without one. */
export function matching(runs: Runs, state: string): Runs {
  if (!state) return runs;
  const kept = new Set<string>();
  for (let i = runs.length - 1; i >= 0; i -= 1) {
    const run = runs[i];
    if (!run || !(run.state === state || kept.has(run.id))) continue;
    kept.add(run.id);
    if (run.called_by) kept.add(run.called_by.run);
  }
  return runs.filter((run) => kept.has(run.id));
}

/** Calls of one run: by task and map index, and those of one instance in their order. */
function byCaller(a: TreeRun, b: TreeRun): number {
  const [x, y] = [a.called_by, b.called_by];
  if (!x || !y || (x.task === y.task && x.index === y.index)) return a.id < b.id ? -1 : 1;
  return x.task === y.task ? x.index - y.index : x.task < y.task ? -1 : 1;
}

/** Rows in the order of a tree; what a closed run called is left out. */
export function callRows(runs: Runs, closed: ReadonlySet<string>): CallRow[] {
  const below = sums(runs);
  const known = new Set(runs.map((run) => run.id));
  const called = new Map<string, TreeRun[]>();
  const first: TreeRun[] = [];
  for (const run of runs) {
    const caller = run.called_by?.run;
    if (caller === undefined || !known.has(caller)) first.push(run);
    else {
      const list = called.get(caller);
      if (list) list.push(run);
      else called.set(caller, [run]);
    }
  }
  for (const list of called.values()) list.sort(byCaller);
  const out: CallRow[] = [];
  // A stack of its own: at most 32 runs call one another today, and a page must not end where more do.
  const stack = first.map((run) => ({ run, depth: 0 })).reverse();
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { run, depth } = next;
    const children = called.get(run.id) ?? [];
    const open = children.length > 0 ? !closed.has(run.id) : undefined;
    out.push({ run, depth, open, below: below.get(run.id) ?? { runs: 0, failed: 0, active: 0 } });
    if (open) for (const child of children.toReversed()) stack.push({ run: child, depth: depth + 1 });
  }
  return out;
}
