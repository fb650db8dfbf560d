/** The button that opens the report of an update, for those who may operate. */
import { useState } from "react";
import { useMay } from "../../app/me";
import { Icon } from "../../parts/icons";
import { late } from "../../parts/late";

const ReportDialog = late(() => import("./report-dialog").then((m) => m.ReportDialog));

export function ReportButton({ asset }: { asset?: string }) {
  const operate = useMay("operate");
  const [open, setOpen] = useState(false);
  if (!operate) return null;
  return (
    <>
      <button type="button" className="btn" onClick={() => setOpen(true)} aria-label="Report an update…">
        <Icon name="plus" size={14} />
        <span className="wide">Report an update…</span>
      </button>
      {open && <ReportDialog {...(asset === undefined ? {} : { asset })} onClose={() => setOpen(false)} />}
    </>
  );
}
