/** Reads of notifications and webhooks. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { untilDue } from "../lib/delivery";
import { client, data, json, query, seg } from "./client";
import type { Delivery } from "./types";

const LIMIT = 500;
const PAGE = 50;

export const destinations = queryOptions({
  queryKey: ["destinations"],
  queryFn: async ({ signal }) =>
    (await data(client.GET("/api/v1/notifications/destinations", { params: { query: { limit: LIMIT } }, signal })))
      .items,
});

/**
 * The newest first, to one destination or to all. Events of runs say when there may be new ones; what became of a waiting one no event tells,
 * but it changes only when it is due.
 */
export const deliveries = (destination: string) =>
  infiniteQueryOptions({
    queryKey: ["deliveries", destination],
    queryFn: ({ signal, pageParam }) =>
      json<{ items: Delivery[]; next?: string | null }>(
        `notifications/deliveries${query({ destination: destination || undefined, limit: PAGE, cursor: pageParam })}`,
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => untilDue(state.data?.pages.flatMap((page) => page.items) ?? [], Date.now()),
  });

/** One delivery, until it has ended. */
export const delivery = (id: number) =>
  queryOptions({
    queryKey: ["delivery", id],
    queryFn: ({ signal }) => json<Delivery>(`notifications/deliveries/${id}`, signal),
    refetchInterval: ({ state }) => untilDue(state.data ? [state.data] : [], Date.now()),
  });

export const webhooks = (dag: string) =>
  queryOptions({
    queryKey: ["webhooks", dag],
    queryFn: async ({ signal }) =>
      (
        await data(
          client.GET("/api/v1/dags/{dag}/webhooks", { params: { path: { dag }, query: { limit: LIMIT } }, signal }),
        )
      ).items,
  });

/** Paths of what is changed. */
export const destinationPath = (name: string): string => `notifications/destinations/${seg(name)}`;
export const webhookPath = (dag: string, name: string): string => `dags/${seg(dag)}/webhooks/${seg(name)}`;
