/** What is done to several selected DAGs: pause, with a hold if wanted, unpause, trigger. */
import { useState } from "react";
import { pause, useReread } from "../../api/acts";
import { plural } from "../../lib/text";
import { late } from "../../parts/late";
import { announce } from "../../parts/toast";

const PauseDialog = late(() => import("../dag/pause-dialog").then((m) => m.PauseDialog));
const TriggerMany = late(() => import("./trigger-many").then((m) => m.TriggerMany));

export function BulkBar({ picked, done }: { picked: readonly string[]; done: () => void }) {
  const reread = useReread();
  const [open, setOpen] = useState<"pause" | "trigger">();
  const close = () => setOpen(undefined);
  const unpause = async () => {
    const results = await Promise.allSettled(picked.map((id) => pause(id, false)));
    const failed = results.filter((r) => r.status === "rejected").length;
    await reread(["dags"], ["dag"], ["why"]);
    announce(`${plural(picked.length - failed, "DAG")} unpaused${failed ? `, ${failed} refused` : ""}`);
    done();
  };
  return (
    <div className="tools bulk" role="toolbar" aria-label="Selected DAGs">
      <span className="m" role="status">
        {plural(picked.length, "DAG")} selected
      </span>
      <button type="button" className="btn sm" onClick={() => setOpen("pause")}>
        Pause…
      </button>
      <button type="button" className="btn sm" onClick={() => void unpause()}>
        Unpause
      </button>
      <button type="button" className="btn sm" onClick={() => setOpen("trigger")}>
        Trigger…
      </button>
      <button type="button" className="btn ghost sm" onClick={done}>
        Select none
      </button>
      {open === "pause" && <PauseDialog dags={picked} onDone={done} onClose={close} />}
      {open === "trigger" && <TriggerMany dags={picked} onDone={() => undefined} onClose={close} />}
    </div>
  );
}
