/** What the server found in a log: the lines that match, and how many there are of each level. */
import { useEffect, useState } from "react";
import { json, query } from "../../api/client";
import type { LogSearch } from "../../api/types";
import type { Level } from "../../lib/log";
import { type LogAddress, logPath } from "./log-store";

/** While lines come they are searched so often. */
const AGAIN_MS = 1000;

export interface Found {
  /** Numbers of lines, from 0 on, ascending. */
  lines: number[];
  levels: Record<Level, number>;
  /** Every line was searched. */
  complete: boolean;
  error: unknown;
}

/** Undoes the differences that positions are sent as. */
export function absolute(positions: readonly number[]): number[] {
  let at = 0;
  return positions.map((difference) => {
    at += difference;
    return at;
  });
}

/** The place of the first number that is not less. */
export function lowerBound(sorted: readonly number[], number: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Asked {
  q?: string | undefined;
  regex?: boolean;
  level?: string | undefined;
}

const NONE: Record<Level, number> = { error: 0, warn: 0, info: 0, debug: 0 };

/** Searches the whole log, and what was added since, as long as it grows; undefined until the first answer. */
export function useFound(at: LogAddress, total: number, ended: boolean, asked: Asked | undefined): Found | undefined {
  const [found, setFound] = useState<Found>();
  const key = asked && JSON.stringify([at, asked]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for what is asked
  useEffect(() => {
    setFound(undefined);
  }, [key]);
  const [searched, setSearched] = useState({ key, to: 0 });
  const from = searched.key === key ? searched.to : 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for what is asked
  useEffect(() => {
    if (!asked || !key || total <= from) return;
    const stop = new AbortController();
    const search = async () => {
      const { attempt } = at;
      const path = `${logPath(at, "/search")}${query({ attempt, from_line: from, positions: true, ...asked })}`;
      const answer = await json<LogSearch>(path, stop.signal);
      const lines = absolute(answer.positions ?? []);
      setFound((was) => {
        const before = from > 0 && was ? was : { lines: [], levels: NONE, complete: true };
        const levels = { ...before.levels };
        for (const level of Object.keys(levels) as Level[]) levels[level] += answer.levels?.[level] ?? 0;
        return {
          lines: [...before.lines, ...lines],
          levels,
          complete: before.complete && answer.complete,
          error: undefined,
        };
      });
      setSearched({ key, to: Math.max(answer.next ?? 0, from + 1) });
    };
    const timer = setTimeout(
      () => {
        search().catch((error: unknown) => {
          if (!stop.signal.aborted) setFound({ lines: [], levels: NONE, complete: false, error });
        });
      },
      from > 0 ? AGAIN_MS : ended ? 0 : 100,
    );
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
    // While lines come the running timer is not begun anew for each.
  }, [key, from, ended ? total : Math.floor(total / 200), total > from]);
  return found;
}
