/** What a version's document says of a task: limits, inputs, requests. Documents are data: every field may be missing. */

export interface TaskSpec {
  limits: Record<string, string>;
  timeout?: string | undefined;
  /** Parameter and the task whose output it is: in a mapped group, that of the instance with the same index. */
  inputs: { name: string; task: string; sameIndex?: boolean }[];
  /** What it asks to be granted, such as `http https://api.example.com`. */
  grants: string[];
  description?: string | undefined;
  /** The assets that it updates. */
  outlets: string[];
}

const record = (v: unknown): Record<string, unknown> =>
  v !== null && typeof v === "object" ? (v as Record<string, unknown>) : {};

/** The mapped group that a task is in. */
const mappedGroup = (dag: Record<string, unknown>, task: string): string | undefined =>
  Object.keys(record(dag.groups)).find((group) => task.startsWith(`${group}.`));

export function specOf(document: unknown, task: string): TaskSpec {
  const dag = record((record(document).dags as unknown[] | undefined)?.[0]);
  const all = dag.tasks;
  const own = Array.isArray(all) ? record(all.find((t) => record(t).id === task)) : record(record(all)[task]);
  const group = mappedGroup(dag, task);
  const lists = group === undefined ? {} : record(record(record(dag.groups)[group]).expand);
  const inputs = Object.entries({ ...record(own.inputs), ...record(own.expand) }).flatMap(([name, from]) => {
    const element = record(from).element;
    const binding = typeof element === "string" ? lists[element] : from;
    const source = typeof binding === "string" ? binding : record(binding).task;
    if (typeof source !== "string") return [];
    const sameIndex = group !== undefined && mappedGroup(dag, source) === group;
    return [{ name, task: source, ...(sameIndex && { sameIndex }) }];
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

/** The days on which the schedules of the DAG make no runs. */
export function holidaysOf(document: unknown): string[] {
  const { holidays } = record((record(document).dags as unknown[] | undefined)?.[0]);
  const all = Array.isArray(holidays) ? holidays : [holidays];
  return all.filter((day) => typeof day === "string");
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
