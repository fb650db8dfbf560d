/** Notes of runs and task instances: one each, written and removed. */
import { put } from "./acts";
import { seg } from "./client";

/** What a note is about. */
export interface Noted {
  run: string;
  /** A task instance of it; without a task the run itself. */
  task?: string | undefined;
  index?: number | undefined;
}

/** An empty text removes the note. */
export const writeNote = ({ run, task, index = 0 }: Noted, text: string) =>
  put(task === undefined ? `runs/${seg(run)}/note` : `runs/${seg(run)}/tasks/${seg(task)}/${index}/note`, { text });
