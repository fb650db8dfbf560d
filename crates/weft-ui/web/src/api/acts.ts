/** Every change that the UI makes. After each the mounted views read again what it touched. */
import { useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { post, query, raw, seg } from "./client";
import type { ClearPreview } from "./shapes";
import type { Backfill, BulkAction, BulkPage, Clear, ClearCommand, Command, MarkAs, NamedEvent, Run } from "./types";

/** With `hold` the runs of a paused DAG are held as well, or go on. */
export const pause = (dag: string, paused: boolean, hold?: boolean) =>
  raw(`dags/${seg(dag)}`, { method: "PATCH", body: JSON.stringify({ paused, ...(paused ? { hold } : {}) }) });

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

/** With `past` or `future` the answer is about a page of the other runs too, and `key` names the action. */
export const clear = (run: string, body: Clear, key?: string) =>
  post<ClearCommand>(`runs/${seg(run)}/clear`, body, key ? { "idempotency-key": key } : {});

export const previewClear = (run: string, body: Clear) =>
  post<ClearPreview>(`runs/${seg(run)}/clear`, { ...body, dry_run: true });

/** Acts on a page of the runs that the filter selects. Without a key it is a dry run. */
export const bulk = (body: BulkAction, key?: string) =>
  post<BulkPage>("runs/bulk", key ? body : { ...body, dry_run: true }, key ? { "idempotency-key": key } : {});

/** With `called` the runs that it called as well, at any depth. */
export const cancel = (run: string, called = false) =>
  raw(`runs/${seg(run)}/cancel${query({ called: called || undefined })}`, { method: "POST" });

export const mark = (run: string, task: string, index: number, state: MarkAs) =>
  post<Command>(`runs/${seg(run)}/mark`, { task, index, state });

/** Resumes a deferred instance before its time. */
export const wake = (run: string, task: string, index: number) =>
  post<Command>(`runs/${seg(run)}/wake`, { task, index });

export const sendEvent = (run: string, name: string, payload: unknown, key: string) =>
  post<NamedEvent>(`runs/${seg(run)}/events/${seg(name)}`, payload, { "idempotency-key": key });

export interface BackfillBody {
  from: string;
  to: string;
  order?: "oldest" | "newest";
  limit?: number;
  dry_run?: boolean;
}

export const backfill = (dag: string, body: BackfillBody) => post<Backfill>(`dags/${seg(dag)}/backfills`, body);

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
