/** What is done to several runs of the list: those that were chosen, or all that match its filter. */
import { useState } from "react";
import type { RunFilter } from "../../api/queries";
import type { Run } from "../../api/types";
import { plural } from "../../lib/text";
import { late } from "../../parts/late";
import { isFilter, type Target } from "../bulk/target";
import type { Action } from "../bulk/wanted";

const BulkDialog = late(() => import("../bulk/bulk-dialog").then((m) => m.BulkDialog));

const ACTIONS: readonly (readonly [Action, string])[] = [
  ["cancel", "Cancel…"],
  ["retry", "Retry failed…"],
  ["clear", "Clear…"],
  ["mark", "Mark…"],
];

interface Props {
  filter: RunFilter;
  /** The runs of the list that were chosen. */
  chosen: readonly Run[];
  /** All that match the filter, whether they are listed or not. */
  all: boolean;
  onAll: (all: boolean) => void;
  onNone: () => void;
}

export function BulkBar({ filter, chosen, all, onAll, onNone }: Props) {
  const [open, setOpen] = useState<{ action: Action; target: Target }>();
  const filtered = isFilter(filter);
  const target: Target = all ? { filter } : { runs: chosen };
  const none = !all && chosen.length === 0;
  return (
    <div className="tools bulk" role="toolbar" aria-label="Chosen runs">
      <span className="m" role="status">
        {all ? "All runs that match" : `${plural(chosen.length, "run")} chosen`}
      </span>
      {!all && (
        <button
          type="button"
          className="btn sm"
          disabled={!filtered}
          title={filtered ? undefined : "Set a filter first: an action on all runs is refused"}
          onClick={() => onAll(true)}
        >
          All that match the filter
        </button>
      )}
      {!none && (
        <button type="button" className="btn ghost sm" onClick={onNone}>
          None
        </button>
      )}
      <span className="sp" />
      {ACTIONS.map(([action, label]) => (
        <button
          key={action}
          type="button"
          className="btn sm"
          disabled={none}
          onClick={() => setOpen({ action, target })}
        >
          {label}
        </button>
      ))}
      {open && <BulkDialog {...open} onClose={() => setOpen(undefined)} />}
    </div>
  );
}
