/** Reads and the report of assets. Everything is under the key `assets`, which events of runs and instances find. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { client, data, json, pages, post, query, seg } from "./client";
import type { Asset, AssetUpdate, NewAssetUpdate } from "./types";

const PAGE = 50;
/** No event tells of an update that was reported and created no run: older answers are read again when a view opens. */
const STALE = 30_000;

interface Page {
  items: AssetUpdate[];
  next?: string | null;
}

/** All assets: 500 of them are one page. */
export const assets = queryOptions({
  queryKey: ["assets", "list"],
  queryFn: ({ signal }) => pages<Asset>("assets", signal),
  staleTime: STALE,
});

/** One asset; null if no active version names it and it was never updated. */
export const asset = (name: string) =>
  queryOptions({
    queryKey: ["assets", "one", name],
    queryFn: async ({ signal }) =>
      (await data(client.GET("/api/v1/assets", { params: { query: { asset: name } }, signal }))).items[0] ?? null,
    staleTime: STALE,
  });

const paged = (key: readonly string[], path: string, params: Record<string, string>) =>
  infiniteQueryOptions({
    queryKey: ["assets", ...key],
    queryFn: ({ signal, pageParam }) =>
      json<Page>(`${path}${query({ ...params, limit: PAGE, cursor: pageParam })}`, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    staleTime: STALE,
    placeholderData: keepPreviousData,
  });

/** The updates of an asset, the newest first. */
export const updates = (name: string) => paged(["updates", name], "assets/updates", { asset: name });

export type Which = "taken" | "made";

/** The updates that created a run (`taken`), or that its tasks made, in the order in which they came. */
export const updatesOfRun = (run: string, which: Which) =>
  paged(["run", run, which], `runs/${seg(run)}/assets`, { which });

export type Report = Omit<NewAssetUpdate, "metadata"> & { metadata?: Record<string, unknown> };

export const reportUpdate = (body: Report, key: string) =>
  post<AssetUpdate>("assets/updates", body, { "idempotency-key": key });
