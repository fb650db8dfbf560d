/** Applies changes of the event stream to what the cache holds: at once where they say enough, else by one refetch. */
import type { InfiniteData, QueryClient, QueryKey } from "@tanstack/react-query";
import { put } from "../lib/rle";
import { CODE, isEnded, NO_COUNTS } from "../state/states";
import type { ListedDag } from "./queries";
import type { Grid } from "./shapes";
import type { Approval, Instance, InstanceChange, Run, RunChange, RunTree, TaskSummary } from "./types";

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
        this.readAgain(key);
      }, ms),
    );
  }

  /** Refetches what is mounted of a key. A first read can't be restarted: another one follows when it has an answer. */
  readAgain(key: QueryKey): void {
    const first = this.cache.getQueryCache().findAll({
      queryKey: key,
      fetchStatus: "fetching",
      predicate: ({ state }) => state.data === undefined,
    });
    for (const { queryKey, promise } of first) {
      const next = () => this.cache.invalidateQueries({ queryKey, exact: true });
      promise?.then(next, () => {});
    }
    void this.cache.invalidateQueries({ queryKey: key });
  }

  /** Refetches what is being read now: the answer may have been made before the change that has come. */
  refetchUnread(key: QueryKey, ms: number): void {
    for (const { queryKey } of this.cache.getQueryCache().findAll({ queryKey: key, fetchStatus: "fetching" }))
      this.refetch(queryKey, ms);
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
  soon.refetchUnread(["run", change.run], 200);
  soon.refetchUnread(["runs"], 1000);
  soon.refetchUnread(["grid", change.dag], 500);
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
  for (const [key, tree] of cache.getQueriesData<RunTree>({ queryKey: ["tree"] })) {
    if (tree) applyTree(cache, soon, key, tree, change);
    else soon.refetch(key, TREE_MS);
  }
  if (isEnded(change.state)) applyApprovals(cache, soon, (asked) => asked.run === change.run, false);
  if (turned) {
    soon.refetch(["overview"], 1000);
    soon.refetch(["failures"], 2000);
    soon.refetch(["durations", change.dag], 2000);
    // A run that is new here may be one that updates created.
    if (!before) soon.refetch(["assets"], ASSETS_MS);
    if (isEnded(change.state)) soon.refetch(["deliveries"], DELIVERIES_MS);
  }
}

/** Assets and their updates are read again at most this often. */
const ASSETS_MS = 1500;

/** The notifications of a change are there a little after it. */
const DELIVERIES_MS = 1500;

/** Lists of what tasks ask are read again at most this often. */
const APPROVALS_MS = 1000;

/** A change says neither what a task asks nor that it does: `mayAsk` of those that defer. What is listed no longer waits after any change. */
function applyApprovals(cache: QueryClient, soon: Soon, is: (asked: Approval) => boolean, mayAsk: boolean): void {
  for (const [key, pages] of cache.getQueriesData<Pages<Approval>>({ queryKey: ["approvals"] })) {
    if (mayAsk || pages?.pages.some((page) => page.items.some(is))) soon.refetch(key, APPROVALS_MS);
  }
}

/** By query: the runs that changed and were not in its tree. After one more read they are in it, or belong elsewhere. */
const strangers = new WeakMap<object, Set<string>>();
/** No more are remembered of one tree; then it may be read once more for the same run. */
const MAX_STRANGERS = 10_000;
/** A tree is read again at most this often, and a large one less often: a millisecond for each run. */
const TREE_MS = 1000;

function applyTree(cache: QueryClient, soon: Soon, key: QueryKey, tree: RunTree, change: RunChange & Times): void {
  const wait = Math.max(TREE_MS, tree.runs.length);
  const was = tree.runs.find((run) => run.id === change.run);
  if (was) {
    if (was.state === change.state) return;
    const { run: id, state, started, ended } = change;
    const now = { ...was, state, ...(started ? { started } : {}), ...(ended !== undefined ? { ended } : {}) };
    cache.setQueryData<RunTree>(key, { ...tree, runs: tree.runs.map((run) => (run.id === id ? now : run)) });
    soon.refetch(key, wait);
    return;
  }
  // A change doesn't name its caller. Only a run that has not ended calls others, and a later run has a greater id.
  const last = tree.runs.at(-1);
  if (!last || change.run < last.id || tree.runs.every((run) => isEnded(run.state))) return;
  const query = cache.getQueryCache().find({ queryKey: key });
  if (!query) return;
  const seen = strangers.get(query) ?? new Set<string>();
  if (seen.has(change.run)) return;
  if (seen.size >= MAX_STRANGERS) seen.clear();
  strangers.set(query, seen.add(change.run));
  soon.refetch(key, wait);
}

/** The fields of an instance that a change says. */
export function patchInstance(instance: Instance, change: InstanceChange & Times): Instance {
  if (instance.task !== change.task || instance.index !== change.index) return instance;
  // A deferral is more than its state: what it waits for and until when come with the next read.
  if (change.state === "deferred" && instance.state !== "deferred") return instance;
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
  soon.refetchUnread(["tasks", run], 300);
  soon.refetchUnread(["grid"], 500);
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
  // A change doesn't say whether its task has outlets: each success may be an update.
  if (change.state === "success") soon.refetch(["assets"], ASSETS_MS);
  const asker = (asked: Approval) => asked.run === run && asked.task === task && asked.index === index;
  applyApprovals(cache, soon, asker, change.state === "deferred");
  if (cache.getQueryState(["approval", run, task, index])) soon.refetch(["approval", run, task, index], 300);
  if (change.state === "up_for_retry" || change.state === "deferred") soon.refetch(["deliveries"], DELIVERIES_MS);
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
