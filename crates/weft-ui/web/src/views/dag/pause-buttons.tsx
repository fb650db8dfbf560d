/** Pauses and unpauses a DAG, and holds or releases its runs while it is paused. */
import { useState } from "react";
import { pause, useReread } from "../../api/acts";
import type { Dag } from "../../api/types";
import { Icon } from "../../parts/icons";
import { late } from "../../parts/late";
import { announce } from "../../parts/toast";

const PauseDialog = late(() => import("./pause-dialog").then((m) => m.PauseDialog));

export function PauseButtons({ dag }: { dag: Pick<Dag, "id" | "paused" | "held"> }) {
  const [open, setOpen] = useState(false);
  const reread = useReread();
  const change = async (paused: boolean, hold: boolean, said: string) => {
    try {
      await pause(dag.id, paused, hold);
      announce(said);
    } catch (error) {
      announce(error instanceof Error ? error.message : String(error));
    }
    await reread(["dag", dag.id], ["dags"], ["why"]);
  };
  if (!dag.paused) {
    return (
      <>
        <button type="button" className="btn" onClick={() => setOpen(true)}>
          <Icon name="pause" size={14} />
          Pause…
        </button>
        {open && <PauseDialog dags={[dag.id]} onClose={() => setOpen(false)} />}
      </>
    );
  }
  return (
    <>
      <button
        type="button"
        className="btn"
        onClick={() =>
          void change(true, !dag.held, dag.held ? `The runs of ${dag.id} go on` : `The runs of ${dag.id} are held`)
        }
      >
        {dag.held ? "Release its runs" : "Hold its runs"}
      </button>
      <button type="button" className="btn" onClick={() => void change(false, false, `${dag.id} unpaused`)}>
        <Icon name="play" size={14} />
        Unpause
      </button>
    </>
  );
}
