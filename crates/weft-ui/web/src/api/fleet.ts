/** Reads of the fleet and of administration. */
import { queryOptions } from "@tanstack/react-query";
import { client, data } from "./client";

const LIMIT = 500;
/** What no event tells about is read again while it is looked at, each 5 s: small answers, none of them a table of runs. */
export const FLEET_MS = 5000;

export const workers = queryOptions({
  queryKey: ["workers"],
  queryFn: ({ signal }) => data(client.GET("/api/v1/workers", { signal })),
  refetchInterval: FLEET_MS,
});

export const queues = queryOptions({
  queryKey: ["queues"],
  queryFn: ({ signal }) => data(client.GET("/api/v1/queues", { signal })),
  refetchInterval: FLEET_MS,
});

export const shards = queryOptions({
  queryKey: ["shards"],
  queryFn: ({ signal }) => data(client.GET("/api/v1/shards", { signal })),
  refetchInterval: FLEET_MS,
});

export const pools = queryOptions({
  queryKey: ["pools"],
  queryFn: async ({ signal }) =>
    (await data(client.GET("/api/v1/pools", { params: { query: { limit: LIMIT } }, signal }))).items,
});

export const variables = queryOptions({
  queryKey: ["variables"],
  queryFn: async ({ signal }) =>
    (await data(client.GET("/api/v1/variables", { params: { query: { limit: LIMIT } }, signal }))).items,
});

export const connections = queryOptions({
  queryKey: ["connections"],
  queryFn: async ({ signal }) =>
    (await data(client.GET("/api/v1/connections", { params: { query: { limit: LIMIT } }, signal }))).items,
});

export const tokens = queryOptions({
  queryKey: ["tokens"],
  queryFn: async ({ signal }) =>
    (await data(client.GET("/api/v1/tokens", { params: { query: { limit: LIMIT } }, signal }))).items,
});

export const tenants = queryOptions({
  queryKey: ["tenants"],
  queryFn: async ({ signal }) =>
    (await data(client.GET("/api/v1/tenants", { params: { query: { limit: LIMIT } }, signal }))).items,
});

export const policy = queryOptions({
  queryKey: ["policy"],
  queryFn: ({ signal }) => data(client.GET("/api/v1/policy", { signal })),
});

export const audit = queryOptions({
  queryKey: ["audit"],
  queryFn: async ({ signal }) =>
    (await data(client.GET("/api/v1/audit", { params: { query: { limit: 200 } }, signal }))).items,
});
