/**
 * An action on many runs, done page by page under one key: a page that is repeated does nothing twice, so an action that was interrupted
 * goes on with the page that it was at. Pure.
 */
import type { BulkPage, SkippedRun } from "../api/types";

export interface Progress {
  /** Names the action, the same for all its pages. */
  key: string;
  /** The page that comes next; none at the beginning. */
  cursor?: string | undefined;
  acted: number;
  skipped: number;
  /** The first of them, with the reasons. */
  reasons: SkippedRun[];
}

/** More reasons than a person reads are not kept. */
export const MAX_REASONS = 100;

export const begin = (key: string): Progress => ({ key, acted: 0, skipped: 0, reasons: [] });

/** What is done after one more page. */
export function advance(before: Progress, page: BulkPage): Progress {
  const skipped = page.skipped ?? [];
  return {
    key: before.key,
    cursor: page.next ?? undefined,
    acted: before.acted + page.acted,
    skipped: before.skipped + skipped.length,
    reasons: [...before.reasons, ...skipped].slice(0, MAX_REASONS),
  };
}

interface Steps {
  /** Does the page at a cursor. */
  page: (cursor: string | undefined, key: string) => Promise<BulkPage>;
  /** Learns what is done after each page. */
  onPage: (progress: Progress) => void;
  /** Whether to end before the next page. */
  stopped: () => boolean;
}

/** Goes on until there is no further page; returns whether it got there. What a page throws ends it. */
export async function goOn(from: Progress, { page, onPage, stopped }: Steps): Promise<boolean> {
  let now = from;
  for (;;) {
    if (stopped()) return false;
    now = advance(now, await page(now.cursor, now.key));
    onPage(now);
    if (now.cursor === undefined) return true;
  }
}

/** Runs that were left as they are, by reason. */
export function byReason(reasons: readonly SkippedRun[]): { code: string; message: string; runs: string[] }[] {
  const out = new Map<string, { code: string; message: string; runs: string[] }>();
  for (const { run, code, message } of reasons) {
    const known = out.get(code);
    if (known) known.runs.push(run);
    else out.set(code, { code, message, runs: [run] });
  }
  return [...out.values()];
}
