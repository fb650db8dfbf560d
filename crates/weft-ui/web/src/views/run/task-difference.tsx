/** How one task of two runs differs: its outputs, and the lines of its last attempts. */
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { ApiError, json, query, seg } from "../../api/client";
import { output } from "../../api/queries";
import type { LogPage } from "../../api/types";
import { plain } from "../../lib/log";
import { Segments } from "../../parts/controls";
import { DialogFrame } from "../../parts/dialog";
import { Empty, Failure, Skeleton } from "../../parts/states";
import { UntrustedText } from "../../parts/text";

const CodeDiff = lazy(() => import("../../parts/code").then((m) => ({ default: m.CodeDiff })));

/** Lines of each log that are compared, from the first on. */
const MAX_LINES = 2000;

type What = "outputs" | "logs";

interface Props {
  task: string;
  /** Runs. */
  before: string;
  after: string;
  onClose: () => void;
}

/** A log without times: those always differ. */
export const logText = (run: string, task: string, index = 0, attempt?: number) => ({
  queryKey: ["log-text", run, task, index, attempt ?? 0],
  queryFn: async ({ signal }: { signal: AbortSignal }) => {
    const path = `runs/${seg(run)}/tasks/${seg(task)}/${index}/logs${query({ attempt, lines: MAX_LINES })}`;
    const page = await json<LogPage>(path, signal);
    return page.lines.map((line) => plain(line.message)).join("\n");
  },
  retry: false,
});

const outputText = (run: string, task: string) => ({
  ...output(run, task, 0),
  select: (value: unknown) => JSON.stringify(value, null, 2),
});

export function TaskDifference({ task, before, after, onClose }: Props) {
  const [what, setWhat] = useState<What>("outputs");
  return (
    <DialogFrame
      title={<UntrustedText>{task}</UntrustedText>}
      width={960}
      onClose={onClose}
      foot={
        <button type="button" className="btn" onClick={onClose}>
          Close
        </button>
      }
    >
      <Segments<What>
        label="Compared"
        value={what}
        onChange={setWhat}
        options={[
          { id: "outputs", label: "Outputs" },
          { id: "logs", label: "Logs" },
        ]}
      />
      {what === "outputs" ? (
        <Outputs task={task} before={before} after={after} />
      ) : (
        <LogDifference task={task} index={0} before={{ run: before }} after={{ run: after }} />
      )}
    </DialogFrame>
  );
}

function Outputs({ task, before, after }: { task: string; before: string; after: string }) {
  return <Sides a={useQuery(outputText(before, task))} b={useQuery(outputText(after, task))} isJson />;
}

interface LogSide {
  run: string;
  attempt?: number;
}

export function LogDifference(props: { task: string; index: number; before: LogSide; after: LogSide }) {
  const { task, index, before, after } = props;
  const a = useQuery(logText(before.run, task, index, before.attempt));
  const b = useQuery(logText(after.run, task, index, after.attempt));
  return <Sides a={a} b={b} />;
}

interface Side {
  data: string | undefined;
  error: unknown;
}

/** What is missing counts as empty: an output that is new is a difference too. */
function Sides({ a, b, isJson = false }: { a: Side; b: Side; isJson?: boolean }) {
  const isMissing = (side: Side) => side.error instanceof ApiError && side.error.status === 404;
  const failed = [a, b].find((side) => side.error && !isMissing(side));
  if (failed) return <Failure error={failed.error} />;
  const [before, after] = [a, b].map((side) => (isMissing(side) ? "" : side.data));
  if (before === undefined || after === undefined) return <Skeleton />;
  if (before === after) return <Empty>{before === "" ? "Neither has any." : "The same."}</Empty>;
  return (
    <Suspense fallback={<Skeleton />}>
      <CodeDiff before={before} after={after} label="What differs" json={isJson} split />
    </Suspense>
  );
}
