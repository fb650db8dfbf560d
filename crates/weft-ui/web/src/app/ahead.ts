/**
 * What a view will read and which code it needs, begun while its own code is still loading, or while a pointer rests on a link to it.
 * Nothing waits for this: a view asks for the same queries and finds them answered, or on their way.
 */
import { approvals } from "../api/approvals";
import { assets, asset as oneAsset, updates } from "../api/assets";
import { cache } from "../api/cache";
import {
  attempts,
  bars,
  dag,
  dags,
  dagsWithRuns,
  durations,
  failures,
  grid,
  instance,
  overview,
  run,
  runs,
  tasks,
  tree,
  versions,
} from "../api/queries";

type Texts = Readonly<Record<string, string | undefined>>;
export type Ahead = (params: Texts, search: Texts) => void;

const DAG_TABS: Record<string, () => Promise<unknown>> = {
  graph: () => import("../views/dag/graph-tab"),
  gantt: () => import("../views/dag/gantt-tab"),
  calendar: () => import("../views/dag/calendar-tab"),
  durations: () => import("../views/dag/durations-tab"),
  schedule: () => import("../views/dag/schedule-tab"),
  webhooks: () => import("../views/dag/webhooks-tab"),
  code: () => import("../views/dag/code-tab"),
  settings: () => import("../views/dag/settings-tab"),
};

const RUN_TABS: Record<string, () => Promise<unknown>> = {
  events: () => import("../views/run/events"),
  params: () => import("../views/run/params"),
  compare: () => import("../views/run/compare"),
  assets: () => import("../views/run/assets"),
  tree: () => import("../views/run/called"),
};

const TASK_TABS: Record<string, () => Promise<unknown>> = {
  io: () => import("../views/task/io"),
  limits: () => import("../views/task/limits"),
  why: () => import("../views/task/why"),
};

/** A part that can't be loaded now is asked for again by its view, which says so. */
const part = (parts: typeof DAG_TABS, tab: string | undefined) => void parts[tab ?? ""]?.().catch(() => undefined);

export const home: Ahead = (_, { since = "24h" }) => {
  void cache.prefetchQuery(overview(since));
  void cache.prefetchQuery(failures(since));
  void cache.prefetchInfiniteQuery(runs({ state: "running" }, 50));
  void cache.prefetchInfiniteQuery(approvals(""));
  void cache.prefetchQuery(dags);
};

export const listOfDags: Ahead = () => {
  void cache.prefetchQuery(dags);
  void cache.prefetchQuery(dagsWithRuns);
};

export const ofDag: Ahead = ({ dag: id = "", tab = "grid" }, search) => {
  part(DAG_TABS, tab);
  void cache.prefetchQuery(dag(id));
  void cache.prefetchInfiniteQuery(runs({ dag: id }, 1));
  if (tab === "grid") {
    void cache.prefetchQuery(grid(id, Number(search.runs) || 28, search.until));
    void cache.prefetchQuery(failures("7d", id));
  } else if (tab === "graph" || tab === "gantt") {
    void cache.prefetchQuery(versions(id));
    void cache.prefetchInfiniteQuery(runs({ dag: id }, 100));
  } else if (tab === "code") {
    void cache.prefetchQuery(versions(id));
  }
};

export const ofRun: Ahead = ({ dag: id = "", run: of = "", tab }) => {
  part(RUN_TABS, tab);
  void cache.prefetchQuery(run(of));
  void cache.prefetchQuery(dag(id));
  void cache.prefetchQuery(tasks(of));
  if (tab === "tree") void cache.prefetchQuery(tree(of));
  if (tab !== "overview") return;
  void cache.prefetchQuery(bars(of));
  void cache.prefetchQuery(durations(id, 50));
};

export const ofTask: Ahead = ({ dag: id = "", run: of = "", task = "", index = "0", tab }) => {
  part(TASK_TABS, tab);
  void cache.prefetchQuery(run(of));
  void cache.prefetchQuery(dag(id));
  void cache.prefetchQuery(instance(of, task, Number(index) || 0));
  void cache.prefetchQuery(attempts(of, task, Number(index) || 0));
};

export const listOfApprovals: Ahead = (_, { dag: id = "" }) => {
  void cache.prefetchQuery(dags);
  void cache.prefetchInfiniteQuery(approvals(id));
};

export const listOfAssets: Ahead = () => void cache.prefetchQuery(assets);

export const ofAsset: Ahead = (_, { asset = "" }) => {
  if (!asset) return;
  void cache.prefetchQuery(oneAsset(asset));
  void cache.prefetchInfiniteQuery(updates(asset));
};

export const listOfRuns: Ahead = () => void cache.prefetchQuery(dags);
