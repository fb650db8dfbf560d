/** What is done to each of many runs, and a page of it: over a filter with the API's own pages, over chosen runs one by one. */
import { bulk, cancel, clear, mark, previewClear } from "../../api/acts";
import { ApiError } from "../../api/client";
import type { BulkAction, BulkPage, MarkAs, Run } from "../../api/types";
import { type ClearChoice, clearBody, clearOptions } from "../../lib/clear";
import { shell } from "../../lib/text";
import { isEnded } from "../../state/states";
import { bodyOf, type Target } from "./target";

export type Wanted =
  | { action: "cancel"; called: boolean }
  | { action: "retry" }
  | { action: "clear"; choice: ClearChoice }
  | { action: "mark"; task: string; index: number; state: MarkAs };

export type Action = Wanted["action"];

/** How many chosen runs a page has. */
const CHOSEN_PAGE = 10;

const RETRY = { tasks: [], only_failed: true };

function actionOf(wanted: Wanted, target: Target & { filter: object }): BulkAction {
  const filter = bodyOf(target.filter);
  switch (wanted.action) {
    case "cancel":
      return { action: "cancel", filter, called: wanted.called };
    case "retry":
      return { action: "retry", filter };
    case "clear":
      return { action: "clear", filter, clear: clearBody(wanted.choice) };
    case "mark":
      return { action: "mark", filter, mark: { task: wanted.task, index: wanted.index, state: wanted.state } };
  }
}

/** A page of the dry run. */
export function preview(target: Target, wanted: Wanted, cursor: string | undefined): Promise<BulkPage> {
  if ("filter" in target) return bulk({ ...actionOf(wanted, target), ...(cursor ? { cursor } : {}) });
  return each(target.runs, cursor, (run) => previewOne(run, wanted));
}

/** A page of the action itself. */
export function act(target: Target, wanted: Wanted, cursor: string | undefined, key: string): Promise<BulkPage> {
  if ("filter" in target) return bulk({ ...actionOf(wanted, target), ...(cursor ? { cursor } : {}) }, key);
  return each(target.runs, cursor, async (run) => {
    // The API accepts a clear of nothing.
    const would = await previewOne(run, wanted);
    if (would.acted > 0) await actOne(run, wanted, key);
    return { acted: would.acted, skipped: would.skipped ?? [] };
  });
}

/** Goes through a page of chosen runs. A run that refuses is left as it is; a lost connection ends the page. */
async function each(
  runs: readonly Run[],
  cursor: string | undefined,
  one: (run: Run) => Promise<BulkPage>,
): Promise<BulkPage> {
  const from = Number(cursor ?? 0);
  const page: Required<Omit<BulkPage, "next">> = { acted: 0, commands: [], previews: [], skipped: [] };
  for (const run of runs.slice(from, from + CHOSEN_PAGE)) {
    try {
      const did = await one(run);
      page.acted += did.acted;
      page.previews.push(...(did.previews ?? []));
      page.skipped.push(...(did.skipped ?? []));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status < 400 || error.status >= 500) throw error;
      page.skipped.push({ run: run.id, code: error.code, message: error.message });
    }
  }
  const next = from + CHOSEN_PAGE < runs.length ? String(from + CHOSEN_PAGE) : undefined;
  return next ? { ...page, next } : page;
}

async function previewOne(run: Run, wanted: Wanted): Promise<BulkPage> {
  if (wanted.action === "cancel" && isEnded(run.state))
    return { acted: 0, skipped: [{ run: run.id, code: "run_ended", message: "the run has ended" }] };
  if (wanted.action === "cancel" || wanted.action === "mark") return { acted: 1 };
  const body = wanted.action === "retry" ? RETRY : clearBody(wanted.choice);
  const would = await previewClear(run.id, body);
  return would.total > 0
    ? { acted: 1, previews: [{ ...would, run: run.id, logical_date: run.logical_date }] }
    : { acted: 0, skipped: [{ run: run.id, code: "nothing_to_clear", message: "there is nothing to clear" }] };
}

async function actOne(run: Run, wanted: Wanted, key: string): Promise<void> {
  switch (wanted.action) {
    case "cancel":
      await cancel(run.id, wanted.called);
      return;
    case "retry":
      await clear(run.id, RETRY, key);
      return;
    case "clear":
      await clear(run.id, clearBody(wanted.choice), key);
      return;
    case "mark":
      await mark(run.id, wanted.task, wanted.index, wanted.state);
  }
}

/** The options of `wfctl runs`, of many runs or of one. */
export function optionsFor(wanted: Wanted, many: boolean): string {
  switch (wanted.action) {
    case "cancel":
      return wanted.called ? " --called" : "";
    case "retry":
      return "";
    case "clear":
      return clearOptions(wanted.choice);
    case "mark": {
      const task = shell(wanted.task || "TASK");
      const index = wanted.index ? ` --index ${wanted.index}` : "";
      return many ? ` --task ${task} --as ${wanted.state}${index}` : ` ${task} ${wanted.state}${index}`;
    }
  }
}
