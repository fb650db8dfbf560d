/** Every read of the UI as query options: keys are what deltas of the event stream find. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { client, data, json, pages, query, seg } from "./client";
import type { AttemptBar, Durations, Failures, Grid, Layout, Overview, RecentRun, Schedule } from "./shapes";
import type { Dag, Instance, Run } from "./types";

/** Lists are kept by events, not by age. */
const STALE = Number.POSITIVE_INFINITY;
const PAGE = 500;

export const whoami = queryOptions({
  queryKey: ["whoami"],
  queryFn: ({ signal }) => data(client.GET("/api/v1/whoami", { signal })),
  staleTime: STALE,
  retry: false,
});

export type ListedDag = Dag & { recent?: RecentRun[] };

/** All DAGs: 500 of them are one page. */
export const dags = queryOptions({
  queryKey: ["dags", "list"],
  queryFn: ({ signal }) => pages<ListedDag>("dags", signal),
  staleTime: STALE,
});

/** The same with their last runs, which are most of the answer: only for what shows them of every DAG. */
export const dagsWithRuns = queryOptions({
  queryKey: ["dags", "runs"],
  queryFn: ({ signal }) => pages<ListedDag>("dags?recent=14", signal),
  staleTime: STALE,
});

export const dag = (id: string) =>
  queryOptions({
    queryKey: ["dag", id],
    queryFn: ({ signal }) => data(client.GET("/api/v1/dags/{dag}", { params: { path: { dag: id } }, signal })),
    staleTime: STALE,
  });

export interface RunFilter {
  dag?: string | undefined;
  state?: string | undefined;
  kind?: string | undefined;
  tag?: string | undefined;
  from?: string | undefined;
  before?: string | undefined;
}

export const runs = (filter: RunFilter, limit = 100) =>
  infiniteQueryOptions({
    queryKey: ["runs", filter, limit],
    queryFn: ({ signal, pageParam }) =>
      json<{ items: Run[]; next?: string | null }>(
        `runs${query({
          dag: filter.dag,
          state: filter.state,
          kind: filter.kind,
          tag: filter.tag,
          created_from: filter.from,
          created_before: filter.before,
          limit,
          cursor: pageParam,
        })}`,
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    staleTime: STALE,
    placeholderData: keepPreviousData,
  });

export const run = (id: string) =>
  queryOptions({
    queryKey: ["run", id],
    queryFn: ({ signal }) => data(client.GET("/api/v1/runs/{run}", { params: { path: { run: id } }, signal })),
    staleTime: STALE,
  });

/** The runs that called each other, of which this is one: at most 10,000. */
export const tree = (run: string) =>
  queryOptions({
    queryKey: ["tree", run],
    queryFn: ({ signal }) => data(client.GET("/api/v1/runs/{run}/tree", { params: { path: { run } }, signal })),
    staleTime: STALE,
  });

export const tasks = (run: string) =>
  queryOptions({
    queryKey: ["tasks", run],
    queryFn: ({ signal }) => data(client.GET("/api/v1/runs/{run}/tasks", { params: { path: { run } }, signal })),
    staleTime: STALE,
  });

/** One page of a task's instances, by state if asked. */
export const instances = (run: string, task: string, state?: string, limit = 200) =>
  infiniteQueryOptions({
    queryKey: ["instances", run, task, state ?? "", limit],
    queryFn: ({ signal, pageParam }) =>
      json<{ items: Instance[]; next?: string | null }>(
        `runs/${seg(run)}/instances${query({ task, state, limit, cursor: pageParam })}`,
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    staleTime: STALE,
    placeholderData: keepPreviousData,
  });

export const instance = (run: string, task: string, index: number) =>
  queryOptions({
    queryKey: ["instance", run, task, index],
    queryFn: ({ signal }) =>
      data(client.GET("/api/v1/runs/{run}/tasks/{task}/{index}", { params: { path: { run, task, index } }, signal })),
    staleTime: STALE,
  });

export const attempts = (run: string, task: string, index: number) =>
  queryOptions({
    queryKey: ["attempts", run, task, index],
    queryFn: ({ signal }) =>
      data(
        client.GET("/api/v1/runs/{run}/tasks/{task}/{index}/attempts", {
          params: { path: { run, task, index } },
          signal,
        }),
      ),
    staleTime: STALE,
  });

export const why = (run: string, task: string, index: number) =>
  queryOptions({
    queryKey: ["why", run, task, index],
    queryFn: ({ signal }) =>
      data(
        client.GET("/api/v1/runs/{run}/tasks/{task}/{index}/why", { params: { path: { run, task, index } }, signal }),
      ),
    staleTime: 0,
  });

export const output = (run: string, task: string, index: number) =>
  queryOptions({
    queryKey: ["output", run, task, index],
    queryFn: ({ signal }) => json<unknown>(`runs/${seg(run)}/tasks/${seg(task)}/${index}/output`, signal),
    staleTime: STALE,
    retry: false,
  });

/** All attempts of a run, for its Gantt: at most this many bars. */
const MAX_BARS = 5000;

export const bars = (run: string) =>
  queryOptions({
    queryKey: ["bars", run],
    queryFn: async ({ signal }) => {
      const items: AttemptBar[] = [];
      let cursor: string | undefined;
      do {
        const page = await json<{ items: AttemptBar[]; next?: string | null }>(
          `runs/${seg(run)}/attempts${query({ limit: 1000, cursor })}`,
          signal,
        );
        items.push(...page.items);
        cursor = page.next ?? undefined;
      } while (cursor && items.length < MAX_BARS);
      return { items, more: cursor !== undefined };
    },
    staleTime: STALE,
  });

export const grid = (dag: string, runs: number, before?: string) =>
  queryOptions({
    queryKey: ["grid", dag, runs, before ?? ""],
    queryFn: ({ signal }) => json<Grid>(`dags/${seg(dag)}/grid${query({ runs, before })}`, signal),
    staleTime: STALE,
    placeholderData: keepPreviousData,
  });

export const layout = (dag: string, version: number, open?: string) =>
  queryOptions({
    queryKey: ["layout", dag, version, open ?? ""],
    queryFn: ({ signal }) => json<Layout>(`dags/${seg(dag)}/versions/${version}/layout${query({ open })}`, signal),
    staleTime: STALE,
    gcTime: STALE,
    placeholderData: keepPreviousData,
  });

export const failures = (since: string, dag?: string) =>
  queryOptions({
    queryKey: ["failures", since, dag ?? ""],
    queryFn: ({ signal }) => json<Failures>(`failures${query({ since, dag, limit: 50 })}`, signal),
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  });

export const overview = (since: string) =>
  queryOptions({
    queryKey: ["overview", since],
    queryFn: ({ signal }) => json<Overview>(`overview${query({ since })}`, signal),
    staleTime: 30_000,
    placeholderData: keepPreviousData,
  });

export const durations = (dag: string, runs: number) =>
  queryOptions({
    queryKey: ["durations", dag, runs],
    queryFn: ({ signal }) => json<Durations>(`dags/${seg(dag)}/durations${query({ runs, tasks: true })}`, signal),
    staleTime: STALE,
    placeholderData: keepPreviousData,
  });

export const schedule = (dag: string, timezone: string, count = 20) =>
  queryOptions({
    queryKey: ["schedule", dag, timezone, count],
    queryFn: ({ signal }) => json<Schedule>(`dags/${seg(dag)}/schedule${query({ count, timezone })}`, signal),
    staleTime: 60_000,
  });

export const versions = (dag: string) =>
  queryOptions({
    queryKey: ["versions", dag],
    queryFn: async ({ signal }) =>
      (
        await data(
          client.GET("/api/v1/dags/{dag}/versions", { params: { path: { dag }, query: { limit: PAGE } }, signal }),
        )
      ).items,
    staleTime: STALE,
  });

export const version = (dag: string, version: number) =>
  queryOptions({
    queryKey: ["version", dag, version],
    queryFn: ({ signal }) =>
      data(client.GET("/api/v1/dags/{dag}/versions/{version}", { params: { path: { dag, version } }, signal })),
    staleTime: STALE,
  });
