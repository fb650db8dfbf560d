/** Pauses DAGs, with or without holding their runs. */
import { useState } from "react";
import { pause, useReread } from "../../api/acts";
import { plural, shell } from "../../lib/text";
import { Confirm } from "../../parts/dialog";
import { CommandLine } from "../../parts/text";
import { announce } from "../../parts/toast";

interface Props {
  dags: readonly string[];
  onDone?: () => void;
  onClose: () => void;
}

/** More DAGs than this are not named in the command. */
const MAX_NAMED = 20;

export function PauseDialog({ dags, onDone, onClose }: Props) {
  const [hold, setHold] = useState(false);
  const reread = useReread();
  const [one] = dags;
  const what = dags.length === 1 && one ? one : plural(dags.length, "DAG");
  const options = hold ? " --hold" : "";
  const named = dags.slice(0, MAX_NAMED).map(shell).join(" ") + (dags.length > MAX_NAMED ? " …" : "");
  const command =
    dags.length === 1
      ? `wfctl dags pause ${named}${options}`
      : `for dag in ${named}; do\n  wfctl dags pause "$dag"${options}\ndone`;
  return (
    <Confirm
      title={`Pause ${what}`}
      action={hold ? "Pause and hold" : "Pause"}
      act={async () => {
        const results = await Promise.allSettled(dags.map((dag) => pause(dag, true, hold)));
        const refused = results.filter((r) => r.status === "rejected");
        await reread(["dag"], ["dags"], ["why"]);
        if (dags.length === 1 && refused[0]) throw refused[0].reason;
        const done = dags.length === 1 ? what : plural(dags.length - refused.length, "DAG");
        announce(`${done} paused${hold ? ", runs held" : ""}${refused.length ? `, ${refused.length} refused` : ""}`);
        onDone?.();
      }}
      onClose={onClose}
    >
      <p>No run starts while it is paused.</p>
      <label className="check dlg-p">
        <input type="checkbox" checked={hold} onChange={(e) => setHold(e.target.checked)} />
        <span>Hold its running runs as well</span>
      </label>
      <p className="mut dlg-p">
        {hold
          ? "Running attempts finish, and their outcomes count. Nothing more is dispatched until it is unpaused. The timeout of a run counts on."
          : "Runs that have begun go on to their end."}
      </p>
      <CommandLine text={command} />
    </Confirm>
  );
}
