/** How two JSON documents differ, as a list of changed paths. Pure. */

export interface Change {
  path: string;
  before?: unknown;
  after?: unknown;
}

const isObject = (v: unknown): v is Record<string, unknown> => v !== null && typeof v === "object" && !Array.isArray(v);

/** Items of lists are matched by `id` or `name` where they have one, so that one that moved is no change. */
function keyed(list: readonly unknown[]): Record<string, unknown> | undefined {
  const out: Record<string, unknown> = {};
  for (const item of list) {
    if (!isObject(item)) return undefined;
    const key = item.id ?? item.name;
    if (typeof key !== "string" || key in out) return undefined;
    out[key] = item;
  }
  return out;
}

export function jsonDiff(before: unknown, after: unknown, path = ""): Change[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const a = Array.isArray(before) ? (keyed(before) ?? before) : before;
  const b = Array.isArray(after) ? (keyed(after) ?? after) : after;
  if (isObject(a) && isObject(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return keys.flatMap((key) => jsonDiff(a[key], b[key], path ? `${path}.${key}` : key));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => jsonDiff(a[i], b[i], `${path}[${i}]`)).flat();
  }
  return [{ path, ...(before !== undefined ? { before } : {}), ...(after !== undefined ? { after } : {}) }];
}
