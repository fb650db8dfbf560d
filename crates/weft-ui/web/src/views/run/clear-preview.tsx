/** The dry run of a clear, run by run: the tasks and instances that would run again. */
import type { ReactNode } from "react";
import type { ClearPreview } from "../../api/shapes";
import { count, plural } from "../../lib/text";
import { UntrustedText } from "../../parts/text";
import { Mark } from "../../state/mark";
import { worst } from "../../state/states";

type Tasks = Pick<ClearPreview, "tasks" | "instances" | "total">;

/** More map indexes than this are only counted. */
const MAX_INDEXES = 12;

/** `[3], [7] and 12 more`. */
function indexes(all: readonly number[], instances: number): string {
  const listed = all.slice(0, MAX_INDEXES);
  const rest = instances - listed.length;
  const names = listed.map((i) => `[${i}]`).join(" ");
  return rest > 0 ? `${names} and ${count(rest)} more` : names;
}

export function ClearedTasks({ of, label }: { of: Tasks; label: string }) {
  return (
    <ul aria-label={label}>
      {of.tasks.map((t) => {
        const listed = of.instances.flatMap((i) => (i.task === t.task ? [i.index] : []));
        return (
          <li key={t.task} className="row g8">
            <Mark state={worst(t.counts) ?? "waiting"} size={14} label />
            <span className="el">
              <UntrustedText>{t.task}</UntrustedText>
            </span>
            {t.mapped && (
              <span className="mut el">
                × {count(t.instances)}
                {listed.length > 0 && `: ${indexes(listed, t.instances)}`}
              </span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** `3 instances of 2 tasks`. */
export const amount = ({ tasks, total }: Tasks): string =>
  total === 0 ? "nothing to clear" : `${plural(total, "instance")} of ${plural(tasks.length, "task")}`;

interface RunProps {
  of: Tasks;
  title: ReactNode;
  label: string;
  open?: boolean;
}

/** A run of several: its tasks are folded away. */
export function ClearedRun({ of, title, label, open = false }: RunProps) {
  return (
    <details open={open}>
      <summary>
        {title}
        <span className="mut">: {amount(of)}</span>
      </summary>
      <ClearedTasks of={of} label={label} />
    </details>
  );
}
