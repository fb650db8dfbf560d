/** What tasks ask people: reads, and the answer. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { client, data, json, post, query, seg } from "./client";
import type { Approval, NewDecision } from "./types";

/** As many are counted on Home before it says `50+`. */
export const APPROVALS_PAGE = 50;

/** What tasks wait for, those of the oldest run first. Kept by events, see `deltas`. */
export const approvals = (dag: string) =>
  infiniteQueryOptions({
    queryKey: ["approvals", dag],
    queryFn: ({ signal, pageParam }) =>
      json<{ items: Approval[]; next?: string | null }>(
        `approvals${query({ dag: dag || undefined, limit: APPROVALS_PAGE, cursor: pageParam })}`,
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: keepPreviousData,
  });

export interface Asker {
  run: string;
  task: string;
  index: number;
}

/** What an instance asked last, with the answer. */
export const approval = ({ run, task, index }: Asker) =>
  queryOptions({
    queryKey: ["approval", run, task, index],
    queryFn: ({ signal }) =>
      data(
        client.GET("/api/v1/runs/{run}/tasks/{task}/{index}/approval", {
          params: { path: { run, task, index } },
          signal,
        }),
      ) as Promise<Approval>,
  });

export const decide = ({ run, task, index }: Asker, body: NewDecision) =>
  post<Approval>(`runs/${seg(run)}/tasks/${seg(task)}/${index}/approval`, body);
