/** Filtering and ordering of DAGs: pure. */
import type { ListedDag } from "../../api/queries";
import { ms } from "../../lib/time";

export interface DagFilter {
  q: string;
  state: string;
  tag: string;
  owner: string;
}

/** Each word must be in the name, a tag, an owner or the description. */
export function filtered(dags: readonly ListedDag[], { q, state, tag, owner }: DagFilter): ListedDag[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return dags.filter((dag) => {
    if (tag && !dag.tags.includes(tag)) return false;
    if (owner && !dag.owners?.includes(owner)) return false;
    if (state === "paused" ? !dag.paused : state && !inState(dag, state)) return false;
    if (words.length === 0) return true;
    const text = [dag.id, dag.description ?? "", ...dag.tags, ...(dag.owners ?? [])].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function inState(dag: ListedDag, state: string): boolean {
  if (state === "running") return (dag.recent ?? []).some((run) => run.state === "running");
  const last = (dag.recent ?? []).find((run) => run.state !== "running" && run.state !== "queued");
  return last?.state === state;
}

export const SORTS = [
  { id: "name", label: "By name" },
  { id: "last", label: "By last run" },
  { id: "next", label: "By next run" },
  { id: "updated", label: "By last change" },
  { id: "median", label: "By duration" },
] as const;

export type Sort = (typeof SORTS)[number]["id"];

/** The median of the ended runs' durations, in ms. */
export function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const order = [...values].sort((a, b) => a - b);
  const half = Math.floor(order.length / 2);
  const upper = order[half] ?? 0;
  return order.length % 2 ? upper : ((order[half - 1] ?? 0) + upper) / 2;
}

export function medianOf(dag: ListedDag): number | undefined {
  return median(
    (dag.recent ?? []).flatMap((run) => (run.state === "success" && run.duration_ms ? [run.duration_ms] : [])),
  );
}

export function sorted(dags: readonly ListedDag[], sort: Sort): ListedDag[] {
  const far = Number.MAX_SAFE_INTEGER;
  const key: Record<Exclude<Sort, "name">, (dag: ListedDag) => number> = {
    last: (dag) => -(ms(dag.recent?.[0]?.started) ?? 0),
    next: (dag) => (dag.paused ? far : (ms(dag.next_run) ?? far)),
    updated: (dag) => -(ms(dag.updated) ?? 0),
    median: (dag) => -(medianOf(dag) ?? 0),
  };
  const by = sort === "name" ? undefined : key[sort];
  return [...dags].sort((a, b) => (by ? by(a) - by(b) : 0) || a.id.localeCompare(b.id, "en"));
}
