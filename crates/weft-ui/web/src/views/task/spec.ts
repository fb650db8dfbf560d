/** What a version's document says of a task: limits, inputs, requests. Documents are data: every field may be missing. */

export interface TaskSpec {
  limits: Record<string, string>;
  timeout?: string | undefined;
  /** Parameter and the task whose output it is. */
  inputs: { name: string; task: string }[];
  /** What it asks to be granted, such as `http https://api.example.com`. */
  grants: string[];
  description?: string | undefined;
  /** The assets that it updates. */
  outlets: string[];
}

const record = (v: unknown): Record<string, unknown> =>
  v !== null && typeof v === "object" ? (v as Record<string, unknown>) : {};

export function specOf(document: unknown, task: string): TaskSpec {
  const dag = record((record(document).dags as unknown[] | undefined)?.[0]);
  const all = dag.tasks;
  const own = Array.isArray(all) ? record(all.find((t) => record(t).id === task)) : record(record(all)[task]);
  const inputs = Object.entries({ ...record(own.inputs), ...record(own.expand) }).flatMap(([name, from]) => {
    const source = typeof from === "string" ? from : record(from).task;
    return typeof source === "string" ? [{ name, task: source }] : [];
  });
  const limits = Object.fromEntries(Object.entries(record(own.limits)).map(([k, v]) => [k, String(v)]));
  return {
    limits,
    timeout: typeof own.timeout === "string" ? own.timeout : undefined,
    inputs,
    grants: Object.entries(record(own.grants)).flatMap(([kind, of]) =>
      (Array.isArray(of) ? of : [of]).map(
        (what) => `${kind} ${typeof what === "string" ? what : JSON.stringify(what)}`,
      ),
    ),
    description: typeof own.description === "string" ? own.description : undefined,
    outlets: (Array.isArray(own.outlets) ? own.outlets : []).filter((outlet) => typeof outlet === "string"),
  };
}

const UNITS: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, KB: 1e3, MB: 1e6, GB: 1e9 };

/** `64MiB` in bytes. */
export function sizeOf(text: string): number | undefined {
  const m = /^([\d.]+)\s*([KMG]?i?B)?$/.exec(text.trim());
  return m ? Number(m[1]) * (UNITS[m[2] ?? "B"] ?? 1) : undefined;
}

const SPANS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `1h30m` in ms. */
export function spanOf(text: string): number | undefined {
  let sum = 0;
  let found = false;
  for (const m of text.matchAll(/([\d.]+)\s*(ms|s|m|h|d)/g)) {
    sum += Number(m[1]) * (SPANS[m[2] ?? ""] ?? 0);
    found = true;
  }
  return found ? sum : undefined;
}
