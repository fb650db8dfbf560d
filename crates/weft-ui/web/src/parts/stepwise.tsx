/**
 * A dialog for an action that is done page by page: its form with the dry run, then its progress, which can be stopped and goes on after
 * a lost connection, then what was left as it is and why.
 */
import { type ReactNode, useRef, useState } from "react";
import { ApiError } from "../api/client";
import type { BulkPage, SkippedRun } from "../api/types";
import { newKey } from "../lib/key";
import { begin, byReason, goOn, MAX_REASONS, type Progress } from "../lib/stepwise";
import { count, plural } from "../lib/text";
import { DialogFrame } from "./dialog";
import { Failure } from "./states";
import { CommandLine, UntrustedText } from "./text";
import "./stepwise.css";

type Phase = "form" | "going" | "stopped" | "done";

interface Props {
  title: ReactNode;
  /** What the button does: 'Cancel 12 runs'. */
  action: string;
  /** What happens to each run, as in '12 runs are VERB'. */
  verb: string;
  /** What is left as it is, if not runs. */
  noun?: string;
  disabled?: boolean;
  /** How many runs the dry run found. */
  expected?: number | undefined;
  page: (cursor: string | undefined, key: string) => Promise<BulkPage>;
  /** The command that goes on with the action under its key. */
  resume?: ((key: string) => string) | undefined;
  /** An action that was interrupted before, with which the dialog begins. */
  from?: Progress | undefined;
  /** Learns of each page that is done. */
  onProgress?: (progress: Progress) => void;
  /** After the last page. */
  onDone: (progress: Progress) => Promise<unknown>;
  onClose: () => void;
  children: ReactNode;
}

export function StepwiseDialog(props: Props) {
  const {
    title,
    action,
    verb,
    noun = "run",
    disabled = false,
    expected,
    page,
    resume,
    from,
    onProgress,
    onDone,
    onClose,
    children,
  } = props;
  const [phase, setPhase] = useState<Phase>(from ? "stopped" : "form");
  const [progress, setProgress] = useState<Progress>(() => from ?? begin(newKey()));
  const [error, setError] = useState<unknown>();
  const stop = useRef(false);
  const go = async () => {
    stop.current = false;
    setPhase("going");
    setError(undefined);
    let now = progress;
    try {
      const steps = {
        page,
        stopped: () => stop.current,
        onPage: (next: Progress) => {
          now = next;
          setProgress(next);
          onProgress?.(next);
        },
      };
      if (!(await goOn(now, steps))) return setPhase("stopped");
      await onDone(now);
      if (now.skipped === 0) return onClose();
      setPhase("done");
    } catch (e) {
      setError(e);
      // What was refused as a whole can be changed and sent as another action; anything else may have been done in part.
      const refused = e instanceof ApiError && e.status >= 400 && e.status < 500;
      if (refused && now.acted + now.skipped === 0) {
        setProgress(begin(newKey()));
        setPhase("form");
      } else setPhase("stopped");
    }
  };
  return (
    <DialogFrame
      title={title}
      onClose={onClose}
      stays={phase === "going"}
      width={640}
      foot={
        <>
          {phase === "form" && (
            <>
              <button type="button" className="btn" onClick={onClose}>
                Back
              </button>
              <button type="button" className="btn pri" disabled={disabled} onClick={() => void go()}>
                {action}
              </button>
            </>
          )}
          {phase === "going" && (
            <button
              type="button"
              className="btn"
              onClick={() => {
                stop.current = true;
              }}
            >
              Stop
            </button>
          )}
          {phase === "stopped" && (
            <>
              <button type="button" className="btn" onClick={onClose}>
                Close
              </button>
              <button type="button" className="btn pri" onClick={() => void go()}>
                Go on
              </button>
            </>
          )}
          {phase === "done" && (
            <button type="button" className="btn pri" onClick={onClose}>
              Close
            </button>
          )}
        </>
      }
    >
      {phase === "form" ? (
        <>
          {children}
          {error !== undefined && <Failure error={error} />}
        </>
      ) : (
        <Going
          phase={phase}
          progress={progress}
          verb={verb}
          noun={noun}
          expected={expected}
          error={error}
          resume={resume}
        />
      )}
    </DialogFrame>
  );
}

interface GoingProps {
  phase: Exclude<Phase, "form">;
  progress: Progress;
  verb: string;
  noun: string;
  expected: number | undefined;
  error: unknown;
  resume: Props["resume"];
}

function Going({ phase, progress, verb, noun, expected, error, resume }: GoingProps) {
  const { acted, skipped } = progress;
  const most = Math.max(expected ?? 0, acted, 1);
  return (
    <div className="col g12">
      {expected !== undefined && phase !== "done" && (
        <div
          className="amount"
          role="progressbar"
          aria-label="Progress"
          aria-valuemin={0}
          aria-valuemax={most}
          aria-valuenow={acted}
        >
          <div style={{ width: `${(100 * acted) / most}%` }} />
        </div>
      )}
      <div role="status">
        {phase === "stopped" ? "Stopped: " : ""}
        <b>{plural(acted, "run")}</b>
        {expected !== undefined && expected > acted && phase !== "done" ? ` of ${count(expected)}` : ""}{" "}
        {acted === 1 ? "is" : "are"} {verb}
        {skipped > 0 && `, ${count(skipped)} left as they are`}.
        {phase === "stopped" && " What is done stays done. It goes on where it stopped, and does nothing twice."}
      </div>
      {error !== undefined && <Failure error={error} />}
      {phase === "stopped" && resume && <CommandLine text={resume(progress.key)} />}
      <Skipped reasons={progress.reasons} all={skipped} noun={noun} />
    </div>
  );
}

/** The runs that were, or would be, left as they are, by reason. */
export function Skipped({
  reasons,
  all,
  noun = "run",
}: {
  reasons: readonly SkippedRun[];
  all: number;
  noun?: string;
}) {
  if (reasons.length === 0) return null;
  return (
    <details className="skips">
      <summary>Left as they are: {plural(all, noun)}</summary>
      {byReason(reasons).map(({ code, message, runs }) => (
        <div key={code} className="skip">
          <div>
            <UntrustedText max={300}>{message}</UntrustedText> <code className="mut">{code}</code>
          </div>
          <div className="mut wrapany">
            {runs.slice(0, 12).map((run) => (
              <code key={run}>{run} </code>
            ))}
            {runs.length > 12 && `and ${count(runs.length - 12)} more`}
          </div>
        </div>
      ))}
      {all > MAX_REASONS && <div className="mut">The first {MAX_REASONS} are listed.</div>}
    </details>
  );
}
