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
  /** Chosen among several; undefined while one does not choose. */
  picked: boolean | undefined;
  onPick: (on: boolean) => void;
  onToggle: () => void;
  onSelect: () => void;
}

export function TreeCell({ row, tasks, selected, picked, onPick, onToggle, onSelect }: Props) {
  const counts = addCounts(tasks.map((t) => t.counts));
  const state = worst(counts) ?? "waiting";
  const one = row.kind === "task" ? tasks[0] : undefined;
  const note = one ? (one.mapped ? `× ${count(one.instances)}` : "") : `${count(tasks.length)} tasks`;
  const failed = counts.failed > 0 && (one?.mapped || !one) ? `${count(counts.failed)} failed` : "";
  const button = (
    <button
      type="button"
      className="cellbtn"
      style={{ paddingLeft: (picked === undefined ? 16 : 4) + row.depth * 16 }}
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
  if (picked === undefined) return button;
  return (
    <div className="pick">
      <input
        type="checkbox"
        checked={picked}
        aria-label={`Choose ${row.kind === "group" ? "the group " : ""}${row.id}`}
        onChange={(e) => onPick(e.target.checked)}
      />
      {button}
    </div>
  );
}
