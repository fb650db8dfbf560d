/** What changes a run besides a clear: cancel, mark. Each shows first what would happen. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { cancel, mark, useReread } from "../../api/acts";
import { tasks as tasksQuery, tree as treeQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import { sums } from "../../lib/call-tree";
import { count, plural } from "../../lib/text";
import { Segments } from "../../parts/controls";
import { Confirm } from "../../parts/dialog";
import { CommandLine, UntrustedText } from "../../parts/text";
import { announce } from "../../parts/toast";

interface RunDialog {
  run: Pick<Run, "id" | "dag" | "version">;
  onClose: () => void;
}

function useRereadRun(run: string) {
  const reread = useReread();
  return () => reread(["run", run], ["tasks", run], ["bars", run], ["instances", run], ["runs"], ["grid"]);
}

export function CancelDialog({ run, onClose }: RunDialog) {
  const reread = useRereadRun(run.id);
  const summaries = useQuery(tasksQuery(run.id));
  const active = (summaries.data ?? []).reduce((sum, t) => sum + t.counts.running + t.counts.queued, 0);
  const tree = useQuery(treeQuery(run.id)).data;
  const called = tree && !tree.truncated ? (sums(tree.runs).get(run.id) ?? { runs: 0, active: 0 }) : undefined;
  const [also, setAlso] = useState(false);
  return (
    <Confirm
      title="Cancel the run"
      action="Cancel the run"
      act={async () => {
        await cancel(run.id, also);
        announce(also ? "The run and those that it called are being cancelled" : "The run is being cancelled");
        await reread();
      }}
      onClose={onClose}
    >
      <p className="dlg-p">
        {active > 0 ? `${plural(active, "instance")} that run or are queued end as cancelled. ` : ""}What has ended
        keeps its state; what waits won't run. A cancelled run can be continued by clearing tasks.
      </p>
      {called?.runs !== 0 && (
        <label className="check dlg-p">
          <input type="checkbox" checked={also} onChange={(e) => setAlso(e.target.checked)} />
          <span>
            Also cancel the runs that it called
            {called && (
              <span className="mut">
                {called.active > 0
                  ? `: ${count(called.active)} of ${count(called.runs)} ${called.active === 1 ? "has" : "have"} not ended`
                  : ": all of them have ended"}
              </span>
            )}
          </span>
        </label>
      )}
      <CommandLine text={`wfctl runs cancel ${run.id}${also ? " --called" : ""}`} />
    </Confirm>
  );
}

const STATES = [
  { id: "success", label: "Success" },
  { id: "failed", label: "Failed" },
  { id: "skipped", label: "Skipped" },
] as const;

export function MarkDialog({ run, task, index, onClose }: RunDialog & { task: string; index: number }) {
  const [state, setState] = useState<"success" | "failed" | "skipped">("success");
  const reread = useRereadRun(run.id);
  return (
    <Confirm
      title={`Mark ${task}${index ? ` [${index}]` : ""}`}
      action={`Mark as ${state}`}
      act={async () => {
        await mark(run.id, task, index, state);
        announce(`Marked as ${state}`);
        await reread();
      }}
      onClose={onClose}
    >
      <p className="mut dlg-p">The instance takes this state without running; what is downstream goes on from it.</p>
      <Segments label="State" value={state} options={STATES} onChange={setState} />
    </Confirm>
  );
}

interface ManyProps extends RunDialog {
  tasks: readonly string[];
  /** Chosen tasks that are mapped: their instances are marked one by one. */
  left: number;
}

export function MarkManyDialog({ run, tasks, left, onClose }: ManyProps) {
  const [state, setState] = useState<"success" | "failed" | "skipped">("success");
  const reread = useRereadRun(run.id);
  return (
    <Confirm
      title={`Mark ${plural(tasks.length, "task")}`}
      action={`Mark as ${state}`}
      act={async () => {
        for (const task of tasks) await mark(run.id, task, 0, state);
        announce(`${plural(tasks.length, "task")} marked as ${state}`);
        await reread();
      }}
      onClose={onClose}
    >
      <p className="mut dlg-p">
        They take this state without running; what is downstream goes on from it.
        {left > 0 && ` ${plural(left, "mapped task")} stay as they are: their instances are marked one by one.`}
      </p>
      <ul className="picked" aria-label="What is marked">
        {tasks.map((task) => (
          <li key={task} className="el">
            <UntrustedText>{task}</UntrustedText>
          </li>
        ))}
      </ul>
      <Segments label="State" value={state} options={STATES} onChange={setState} />
    </Confirm>
  );
}
