/** What changes a run: clear, cancel, mark. Each shows first what would happen. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { cancel, clear, mark, previewClear, useReread } from "../../api/acts";
import { tasks as tasksQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import { count, plural, shell } from "../../lib/text";
import { Segments } from "../../parts/controls";
import { Confirm } from "../../parts/dialog";
import { Answer } from "../../parts/states";
import { CommandLine, UntrustedText } from "../../parts/text";
import { announce } from "../../parts/toast";
import { Mark } from "../../state/mark";
import { worst } from "../../state/states";

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
  const preview = useQuery({
    queryKey: ["clear", run.id, tasks, below],
    queryFn: () => previewClear(run.id, { tasks: [...tasks], downstream: below }),
    // What would run again changes with every attempt.
    gcTime: 0,
    placeholderData: keepPreviousData,
  });
  const reread = useRereadRun(run.id);
  const rows = preview.data?.tasks ?? [];
  const instances = preview.data?.total ?? 0;
  const command = `wfctl runs clear ${run.id}${tasks.map((t) => ` --task ${shell(t)}`).join("")}${below ? " --downstream" : ""}`;
  return (
    <Confirm
      title={`Clear ${tasks.length === 1 ? tasks[0] : plural(tasks.length, "task")}`}
      action={`Clear ${plural(instances, "instance")}`}
      disabled={rows.length === 0 || preview.isPlaceholderData}
      act={async () => {
        await clear(run.id, { tasks: [...tasks], downstream: below });
        announce(`${plural(instances, "instance")} cleared: they run again`);
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
      <Answer of={preview}>
        {() => (
          <ul className="picked" aria-label="What would run again">
            {rows.map((t) => (
              <li key={t.task} className="row g8">
                <Mark state={worst(t.counts) ?? "waiting"} size={14} label />
                <span className="el sp">
                  <UntrustedText>{t.task}</UntrustedText>
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
        announce("The run is being cancelled");
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
