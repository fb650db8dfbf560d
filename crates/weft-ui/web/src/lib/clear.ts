/** What a clear selects: the body for the API, and the same as options of `wfctl runs clear`. Pure. */
import type { Clear } from "../api/types";
import { shell } from "./text";

export interface ClearChoice {
  /** None with `onlyFailed`: every task of the run. */
  tasks: readonly string[];
  /** Map indexes of the one task, such as `3,7-9`; empty for all of them. */
  indexes: string;
  upstream: boolean;
  downstream: boolean;
  onlyFailed: boolean;
  past: boolean;
  future: boolean;
}

export const CLEAR: ClearChoice = {
  tasks: [],
  indexes: "",
  upstream: false,
  downstream: true,
  onlyFailed: false,
  past: false,
  future: false,
};

/** What is wrong with map indexes, in words; undefined if nothing is. */
export function wrongIndexes(text: string): string | undefined {
  if (text.trim() === "") return undefined;
  for (const part of text.split(",")) {
    const range = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part.trim());
    if (!range) return "Write single indexes and ranges, such as 3,7-9";
    if (range[2] !== undefined && Number(range[2]) < Number(range[1])) return `${part.trim()} ends before it begins`;
  }
  return undefined;
}

/** The indexes that count: those of one task alone. */
const indexesOf = ({ tasks, indexes }: ClearChoice): string =>
  tasks.length === 1 ? indexes.replaceAll(/\s/g, "") : "";

/** With single indexes upstream tasks are left alone: the list of the mapped task may not change. */
const upstreamOf = (choice: ClearChoice): boolean => choice.upstream && indexesOf(choice) === "";

/** Whether there is anything that it can select. */
export const isEmpty = ({ tasks, onlyFailed }: ClearChoice): boolean => tasks.length === 0 && !onlyFailed;

export function clearBody(choice: ClearChoice): Clear {
  const indexes = indexesOf(choice);
  const { tasks, downstream, onlyFailed, past, future } = choice;
  return {
    tasks: [...tasks],
    ...(indexes ? { indexes } : {}),
    ...(upstreamOf(choice) ? { upstream: true } : {}),
    ...(downstream && tasks.length > 0 ? { downstream: true } : {}),
    ...(onlyFailed ? { only_failed: true } : {}),
    ...(past ? { past: true } : {}),
    ...(future ? { future: true } : {}),
  };
}

export function clearOptions(choice: ClearChoice): string {
  const body = clearBody(choice);
  return [
    ...choice.tasks.map((task) => ` --task ${shell(task)}`),
    body.indexes && ` --index ${shell(body.indexes)}`,
    body.upstream && " --upstream",
    body.downstream && " --downstream",
    body.only_failed && " --only-failed",
    body.past && " --past",
    body.future && " --future",
  ]
    .filter(Boolean)
    .join("");
}
