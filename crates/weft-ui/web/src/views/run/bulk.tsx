/** What is done to several chosen tasks at once: clear with its preview, mark. */
import { useState } from "react";
import type { Run, TaskSummary } from "../../api/types";
import { plural } from "../../lib/text";
import { ClearDialog, MarkManyDialog } from "./late-dialogs";

interface Props {
  run: Run;
  tasks: readonly TaskSummary[];
  /** Tasks that failed: what is chosen most. */
  failed: readonly string[];
  onPick: (tasks: readonly string[]) => void;
}

export function BulkBar({ run, tasks, failed, onPick }: Props) {
  const [dialog, setDialog] = useState<"clear" | "mark">();
  const names = tasks.map((t) => t.task);
  const single = tasks.filter((t) => !t.mapped).map((t) => t.task);
  return (
    <div className="bulk" role="toolbar" aria-label="Chosen tasks">
      <span role="status">{plural(names.length, "task")} chosen</span>
      <button type="button" className="btn sm" disabled={failed.length === 0} onClick={() => onPick(failed)}>
        All that failed
      </button>
      <span className="sp" />
      <button type="button" className="btn sm" disabled={single.length === 0} onClick={() => setDialog("mark")}>
        Mark…
      </button>
      <button type="button" className="btn pri sm" disabled={names.length === 0} onClick={() => setDialog("clear")}>
        Clear…
      </button>
      {dialog === "clear" && <ClearDialog run={run} tasks={names} onClose={() => setDialog(undefined)} />}
      {dialog === "mark" && (
        <MarkManyDialog
          run={run}
          tasks={single}
          left={names.length - single.length}
          onClose={() => setDialog(undefined)}
        />
      )}
    </div>
  );
}
