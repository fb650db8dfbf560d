/** What changes a run: clear, cancel, mark. Each shows first what would happen. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { cancel, clear, mark, useReread } from "../../api/acts";
import { dag as dagQuery, tasks as tasksQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import { count, plural, shell } from "../../lib/text";
import { downstream } from "../../lib/tree";
import { Segments } from "../../parts/controls";
import { Confirm } from "../../parts/dialog";
import { Answer } from "../../parts/states";
import { CommandLine, Guest } from "../../parts/text";
import { say } from "../../parts/toast";
import { Mark } from "../../state/mark";
import { total, worst } from "../../state/states";

interface RunDialog {
  run: Pick<Run, "id" | "dag" | "version">;
  onClose: () => void;
}

function useRereadRun(run: string) {
  const reread = useReread();
  return () => reread(["run", run], ["tasks", run], ["bars", run], ["instances", run], ["runs"], ["grid"]);
}

/** Which tasks would run again, with everything downstream unless switched off. */
export function ClearDialog({ run, tasks, onClose }: RunDialog & { tasks: readonly string[] }) {
  const [below, setBelow] = useState(true);
  const detail = useQuery(dagQuery(run.dag));
  const summaries = useQuery(tasksQuery(run.id));
  const reread = useRereadRun(run.id);
  const order = (summaries.data ?? []).map((t) => t.task);
  const chosen = below ? downstream(order, detail.data?.edges ?? [], tasks) : [...tasks];
  const rows = (summaries.data ?? []).filter((t) => chosen.includes(t.task));
  const instances = rows.reduce((sum, t) => sum + total(t.counts), 0);
  const command = `wfctl runs clear ${run.id}${tasks.map((t) => ` --task ${shell(t)}`).join("")}${below ? " --downstream" : ""}`;
  return (
    <Confirm
      title={`Clear ${tasks.length === 1 ? tasks[0] : plural(tasks.length, "task")}`}
      action={`Clear ${plural(instances, "instance")}`}
      disabled={rows.length === 0}
      act={async () => {
        await clear(run.id, { tasks: [...tasks], downstream: below });
        say(`${plural(instances, "instance")} cleared: they run again`);
        await reread();
      }}
      onClose={onClose}
    >
      <label className="check">
        <input type="checkbox" checked={below} onChange={(e) => setBelow(e.target.checked)} />
        Everything downstream too
      </label>
      <p className="mut dlg-p">
        Would run again: {plural(rows.length, "task")} with {plural(instances, "instance")}. Their outputs are replaced;
        attempts that run now are ended.
      </p>
      <Answer of={summaries}>
        {() => (
          <ul className="picked" aria-label="What would run again">
            {rows.map((t) => (
              <li key={t.task} className="row g8">
                <Mark state={worst(t.counts) ?? "waiting"} size={14} label />
                <span className="el sp">
                  <Guest>{t.task}</Guest>
                </span>
                {t.mapped && <span className="mut">× {count(t.instances)}</span>}
              </li>
            ))}
          </ul>
        )}
      </Answer>
      <CommandLine text={command} />
    </Confirm>
  );
}

export function CancelDialog({ run, onClose }: RunDialog) {
  const reread = useRereadRun(run.id);
  const summaries = useQuery(tasksQuery(run.id));
  const active = (summaries.data ?? []).reduce((sum, t) => sum + t.counts.running + t.counts.queued, 0);
  return (
    <Confirm
      title="Cancel the run"
      action="Cancel the run"
      act={async () => {
        await cancel(run.id);
        say("The run is being cancelled");
        await reread();
      }}
      onClose={onClose}
    >
      <p className="dlg-p">
        {active > 0 ? `${plural(active, "instance")} that run or are queued end as cancelled. ` : ""}What has ended
        keeps its state; what waits won't run. A cancelled run can be continued by clearing tasks.
      </p>
      <CommandLine text={`wfctl runs cancel ${run.id}`} />
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
        say(`Marked as ${state}`);
        await reread();
      }}
      onClose={onClose}
    >
      <p className="mut dlg-p">The instance takes this state without running; what is downstream goes on from it.</p>
      <Segments label="State" value={state} options={STATES} onChange={setState} />
    </Confirm>
  );
}
