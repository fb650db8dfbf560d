/** Applies changes of the event stream to what the cache holds: at once where they say enough, else by one refetch. */
import type { InfiniteData, QueryClient, QueryKey } from "@tanstack/react-query";
import { put } from "../lib/rle";
import { CODE, NO_COUNTS } from "../state/states";
import type { ListedDag } from "./queries";
import type { Grid } from "./shapes";
import type { Instance, InstanceChange, Run, RunChange, TaskSummary } from "./types";

type Pages<T> = InfiniteData<{ items: T[]; next?: string | null }>;
/** Times that newer servers add to a change. */
interface Times {
  queued?: string | null;
  started?: string | null;
  ended?: string | null;
}

/** Refetches what is mounted at most once in a while for a key, the last change always included. */
export class Soon {
  private readonly waiting = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(private readonly cache: QueryClient) {}

  refetch(key: QueryKey, ms: number): void {
    const name = JSON.stringify(key);
    if (this.waiting.has(name)) return;
    this.waiting.set(
      name,
      setTimeout(() => {
        this.waiting.delete(name);
        void this.cache.invalidateQueries({ queryKey: key });
      }, ms),
    );
  }
}

function mapPages<T>(pages: Pages<T> | undefined, change: (item: T) => T): Pages<T> | undefined {
  if (!pages) return pages;
  let changed = false;
  const next = pages.pages.map((page) => {
    const items = page.items.map((item) => {
      const made = change(item);
      if (made !== item) changed = true;
      return made;
    });
    return { ...page, items };
  });
  return changed ? { ...pages, pages: next } : pages;
}

/** The fields of a run that a change says. */
export function patchRun<T extends { state: string }>(run: T, change: RunChange & Times): T {
  const { started, ended } = change;
  return {
    ...run,
    state: change.state,
    counts: change.counts,
    ...(started ? { started } : {}),
    ...(ended !== undefined ? { ended } : {}),
  };
}

export function applyRun(cache: QueryClient, soon: Soon, change: RunChange & Times): void {
  const before = cache.getQueryData<Run>(["run", change.run]);
  const turned = before ? before.state !== change.state : true;
  cache.setQueryData<Run>(["run", change.run], (run) => run && patchRun(run, change));
  if (before && turned && change.started === undefined) soon.refetch(["run", change.run], 200);

  for (const [key, pages] of cache.getQueriesData<Pages<Run>>({ queryKey: ["runs"] })) {
    if (!pages) continue;
    const known = pages.pages.some((page) => page.items.some((run) => run.id === change.run));
    if (known) {
      cache.setQueryData<Pages<Run>>(
        key,
        mapPages(pages, (run) => (run.id === change.run ? patchRun(run, change) : run)),
      );
      const was = pages.pages.flatMap((page) => page.items).find((run) => run.id === change.run);
      if (was && was.state !== change.state) soon.refetch(key, 1000);
    } else {
      const filter = key[1] as { dag?: string } | undefined;
      if (!filter?.dag || filter.dag === change.dag) soon.refetch(key, 1000);
    }
  }

  let listed = false;
  cache.setQueryData<ListedDag[]>(["dags", "runs"], (dags) =>
    dags?.map((dag) => {
      if (dag.id !== change.dag || !dag.recent) return dag;
      const was = dag.recent.find((run) => run.id === change.run);
      if (!was) return dag;
      listed = was.state === change.state;
      if (listed) return dag;
      return {
        ...dag,
        recent: dag.recent.map((run) => (run.id === change.run ? { ...run, state: change.state } : run)),
      };
    }),
  );
  if (!listed) soon.refetch(["dags", "runs"], 2000);

  for (const [key, grid] of cache.getQueriesData<Grid>({ queryKey: ["grid", change.dag] })) {
    if (!grid) continue;
    const was = grid.runs.find((run) => run.id === change.run);
    if (!was) soon.refetch(key, 500);
    else {
      cache.setQueryData<Grid>(key, {
        ...grid,
        runs: grid.runs.map((run) => (run.id === change.run ? patchRun(run, change) : run)),
      });
      if (was.state !== change.state) soon.refetch(key, 500);
    }
  }
  if (turned) {
    soon.refetch(["overview"], 1000);
    soon.refetch(["failures"], 2000);
    soon.refetch(["durations", change.dag], 2000);
  }
}

/** The fields of an instance that a change says. */
export function patchInstance(instance: Instance, change: InstanceChange & Times): Instance {
  if (instance.task !== change.task || instance.index !== change.index) return instance;
  const { queued, started, ended } = change;
  return {
    ...instance,
    state: change.state,
    attempt: change.attempt,
    worker: change.worker ?? null,
    ...(queued ? { queued } : {}),
    ...(started ? { started } : {}),
    ...(ended !== undefined ? { ended } : {}),
  };
}

export function applyInstance(cache: QueryClient, soon: Soon, change: InstanceChange & Times): void {
  const { run, task, index } = change;
  cache.setQueryData<Instance>(["instance", run, task, index], (was) => was && patchInstance(was, change));
  for (const [key, pages] of cache.getQueriesData<Pages<Instance>>({ queryKey: ["instances", run, task] })) {
    if (pages)
      cache.setQueryData<Pages<Instance>>(
        key,
        mapPages(pages, (was) => patchInstance(was, change)),
      );
  }
  for (const [key, grid] of cache.getQueriesData<Grid>({ queryKey: ["grid"] })) {
    if (!grid) continue;
    const column = grid.runs.find((at) => at.id === run);
    const row = grid.rows.findIndex((at) => at.task === task);
    if (!column || row < 0) continue;
    if (grid.rows[row]?.mapped) soon.refetch(key, 1000);
    else {
      const cells = put(column.cells, grid.rows.length, row, CODE[change.state]);
      cache.setQueryData<Grid>(key, { ...grid, runs: grid.runs.map((at) => (at === column ? { ...at, cells } : at)) });
    }
  }
  // A task that isn't mapped has one instance, so its sum is known; others are summed up by the server.
  const before = cache.getQueryData<TaskSummary[]>(["tasks", run]);
  if (before?.some((at) => at.task === task && !at.mapped)) {
    cache.setQueryData<TaskSummary[]>(["tasks", run], (list) =>
      list?.map((at) => (at.task === task ? { ...at, counts: { ...NO_COUNTS, [change.state]: 1 } } : at)),
    );
  } else soon.refetch(["tasks", run], 300);
  soon.refetch(["bars", run], 500);
  soon.refetch(["instances", run, task], 700);
  soon.refetch(["instance", run, task, index], 300);
  soon.refetch(["attempts", run, task, index], 300);
  soon.refetch(["why", run, task, index], 500);
}

/** Parses and applies a batch; what can't be read is left out, the next `resync` mends it. */
export function applyEvents(cache: QueryClient, soon: Soon, events: { type: string; data: string }[]): void {
  // The last change of a row wins: earlier ones of the same batch need not be painted.
  const rows = new Map<string, { type: string; change: RunChange | InstanceChange }>();
  for (const { type, data } of events) {
    try {
      const change = JSON.parse(data) as RunChange | InstanceChange;
      const key = "task" in change ? `${change.run} ${change.task} ${change.index}` : change.run;
      rows.delete(key);
      rows.set(key, { type, change });
    } catch {
      // Not JSON: a server that is newer than this page.
    }
  }
  for (const { type, change } of rows.values()) {
    if (type === "instance") applyInstance(cache, soon, change as InstanceChange);
    else applyRun(cache, soon, change as RunChange);
  }
}
