/** Triggers a run of each of several DAGs with their default parameters. */
import { trigger, useReread } from "../../api/acts";
import { ApiError } from "../../api/client";
import type { BulkPage } from "../../api/types";
import { plural, shell } from "../../lib/text";
import { StepwiseDialog } from "../../parts/stepwise";
import { CommandLine, UntrustedText } from "../../parts/text";
import { announce } from "../../parts/toast";

/** How many DAGs are triggered before the progress is shown. */
const PAGE = 10;

interface Props {
  dags: readonly string[];
  onDone: () => void;
  onClose: () => void;
}

export function TriggerMany({ dags, onDone, onClose }: Props) {
  const reread = useReread();
  const page = async (cursor: string | undefined, key: string): Promise<BulkPage> => {
    const from = Number(cursor ?? 0);
    const done: BulkPage & { skipped: NonNullable<BulkPage["skipped"]> } = { acted: 0, skipped: [] };
    for (const [i, dag] of dags.slice(from, from + PAGE).entries()) {
      try {
        await trigger(dag, {}, `${key}-${from + i}`);
        done.acted += 1;
      } catch (error) {
        if (!(error instanceof ApiError) || error.status < 400 || error.status >= 500) throw error;
        done.skipped.push({ run: dag, code: error.code, message: error.message });
      }
    }
    return { ...done, ...(from + PAGE < dags.length ? { next: String(from + PAGE) } : {}) };
  };
  return (
    <StepwiseDialog
      title={`Trigger ${plural(dags.length, "DAG")}`}
      action={`Trigger ${plural(dags.length, "run")}`}
      verb="triggered"
      noun="DAG"
      expected={dags.length}
      page={page}
      onDone={async ({ acted }) => {
        announce(`${plural(acted, "run")} triggered`);
        await reread(["runs"], ["dags"]);
        onDone();
      }}
      onClose={onClose}
    >
      <div className="col g12">
        <p className="mut">
          Each run has the default parameters and the current time as its logical date. A run of a paused DAG waits
          until the DAG is unpaused; DAGs that need a parameter are left out.
        </p>
        <ul className="picked" aria-label="What is triggered">
          {dags.map((dag) => (
            <li key={dag} className="el">
              <UntrustedText>{dag}</UntrustedText>
            </li>
          ))}
        </ul>
        <CommandLine text={`for dag in ${dags.map(shell).join(" ")}; do\n  wfctl runs trigger "$dag"\ndone`} />
      </div>
    </StepwiseDialog>
  );
}
