/** An action on many runs that was interrupted, and how it goes on. */
import { useState } from "react";
import { useStore } from "../../lib/store";
import { plural } from "../../lib/text";
import { late } from "../../parts/late";
import { type Unfinished, unfinished } from "../bulk/unfinished";

const BulkDialog = late(() => import("../bulk/bulk-dialog").then((m) => m.BulkDialog));

const NAMES = { cancel: "Cancelling", retry: "Retrying", clear: "Clearing", mark: "Marking" } as const;

export function UnfinishedBar() {
  const left = useStore(unfinished);
  const [open, setOpen] = useState<Unfinished>();
  return (
    <>
      {left && !open && (
        <div className="tools bulk" role="region" aria-label="Interrupted action">
          <span>
            {NAMES[left.wanted.action]} runs was interrupted after {plural(left.progress.acted, "run")}.
          </span>
          <button type="button" className="btn sm" onClick={() => setOpen(left)}>
            Go on…
          </button>
          <button type="button" className="btn ghost sm" onClick={() => unfinished.set(null)}>
            Discard
          </button>
        </div>
      )}
      {open && (
        <BulkDialog
          target={{ filter: open.filter }}
          action={open.wanted.action}
          from={open}
          onClose={() => setOpen(undefined)}
        />
      )}
    </>
  );
}
