/** Every change that the UI makes. After each the mounted views read again what it touched. */
import { useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { post, raw, seg } from "./client";
import type { ClearPreview } from "./shapes";
import type { Backfill, Command, Run } from "./types";

export const pause = (dag: string, paused: boolean) =>
  raw(`dags/${seg(dag)}`, { method: "PATCH", body: JSON.stringify({ paused }) });

export const release = (dag: string) =>
  raw(`dags/${seg(dag)}`, { method: "PATCH", body: JSON.stringify({ quarantined: false }) });

export interface TriggerBody {
  params?: Record<string, unknown>;
  logical_date?: string;
  not_before?: string;
  version?: number;
}

export const trigger = (dag: string, body: TriggerBody, key: string) =>
  post<Run>(`dags/${seg(dag)}/runs`, body, { "idempotency-key": key });

/** Deploys a file of DAGs. */
export const deploy = (file: ArrayBuffer) =>
  raw("deployments", { method: "POST", body: file, headers: { "content-type": "application/wasm" } });

export interface ClearBody {
  tasks: string[];
  downstream?: boolean;
}

export const clear = (run: string, body: ClearBody) => post<Command>(`runs/${seg(run)}/clear`, body);

export const previewClear = (run: string, body: ClearBody) =>
  post<ClearPreview>(`runs/${seg(run)}/clear`, { ...body, dry_run: true });

export const cancel = (run: string) => raw(`runs/${seg(run)}/cancel`, { method: "POST" });

export const mark = (run: string, task: string, index: number, state: "success" | "failed" | "skipped") =>
  post<Command>(`runs/${seg(run)}/mark`, { task, index, state });

export const backfill = (dag: string, body: { from: string; to: string; dry_run?: boolean; params?: object }) =>
  post<Backfill>(`dags/${seg(dag)}/backfills`, body);

export const activate = (dag: string, version: number) => post<unknown>(`dags/${seg(dag)}/activate`, { version });

export const drain = (worker: string) => raw(`workers/${seg(worker)}/drain`, { method: "POST" });

export const put = (path: string, body: unknown) => raw(path, { method: "PUT", body: JSON.stringify(body) });

export const remove = (path: string) => raw(path, { method: "DELETE" });

/** Reads again what is mounted under these keys. */
export function useReread(): (...keys: unknown[][]) => Promise<void> {
  const cache = useQueryClient();
  return useCallback(
    async (...keys) => {
      await Promise.all(keys.map((queryKey) => cache.invalidateQueries({ queryKey })));
    },
    [cache],
  );
}
