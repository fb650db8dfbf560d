/** The condition on assets that creates runs of a DAG, from a version's document. Pure. Documents are data: every field may be missing. */

export type Condition =
  | { kind: "updated"; asset: string }
  | { kind: "within"; asset: string; within: string }
  | { kind: "all" | "any"; of: Condition[] };

/** Deeper ones are refused at deploy. */
const MAX_DEPTH = 8;

function read(value: unknown, depth: number): Condition | undefined {
  if (depth > MAX_DEPTH) return undefined;
  if (typeof value === "string") return { kind: "updated", asset: value };
  if (Array.isArray(value)) return several("all", value, depth);
  if (value === null || typeof value !== "object") return undefined;
  const { all, any, asset, within } = value as Record<string, unknown>;
  if (Array.isArray(all)) return several("all", all, depth);
  if (Array.isArray(any)) return several("any", any, depth);
  if (typeof asset !== "string") return undefined;
  return typeof within === "string" ? { kind: "within", asset, within } : { kind: "updated", asset };
}

function several(kind: "all" | "any", values: unknown[], depth: number): Condition | undefined {
  const of = values.flatMap((value) => read(value, depth + 1) ?? []);
  return of.length > 1 ? { kind, of } : of[0];
}

/** The condition of a version's DAG. One of a single part is that part. */
export function conditionOf(document: unknown): Condition | undefined {
  const dag = (document as { dags?: { on_assets?: unknown }[] } | null | undefined)?.dags?.[0];
  return read(dag?.on_assets, 0);
}
