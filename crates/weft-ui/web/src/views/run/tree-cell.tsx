/** One row's name in the tree: fold, mark, name, how many. */
import type { TaskSummary } from "../../api/types";
import { count } from "../../lib/text";
import { addCounts, type TreeRow } from "../../lib/tree";
import { Icon } from "../../parts/icons";
import { UntrustedText } from "../../parts/text";
import { Mark } from "../../state/mark";
import { NAME, worst } from "../../state/states";

interface Props {
  row: TreeRow;
  tasks: readonly TaskSummary[];
  selected: boolean;
  onToggle: () => void;
  onSelect: () => void;
}

export function TreeCell({ row, tasks, selected, onToggle, onSelect }: Props) {
  const counts = addCounts(tasks.map((t) => t.counts));
  const state = worst(counts) ?? "waiting";
  const one = row.kind === "task" ? tasks[0] : undefined;
  const note = one ? (one.mapped ? `× ${count(one.instances)}` : "") : `${count(tasks.length)} tasks`;
  const failed = counts.failed > 0 && (one?.mapped || !one) ? `${count(counts.failed)} failed` : "";
  return (
    <button
      type="button"
      className="cellbtn"
      style={{ paddingLeft: 16 + row.depth * 16 }}
      onClick={row.kind === "group" ? onToggle : onSelect}
      {...(row.kind === "group" ? { "aria-expanded": row.open } : { "aria-pressed": selected })}
      title={row.id}
    >
      <span className="tw">{row.kind === "group" && <Icon name={row.open ? "down" : "right"} size={12} />}</span>
      <Mark state={state} size={14} label={NAME[state]} />
      <span className={row.kind === "group" ? "el m" : "el"}>
        <UntrustedText>{row.name}</UntrustedText>
      </span>
      <span className="sp" />
      {failed && <span className="st-failed t12">{failed}</span>}
      <span className="mut t12">{note}</span>
    </button>
  );
}
