/** What a deferred instance waits for, since when and until when, and how to end the wait. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { attempts as attemptsQuery, run as runQuery } from "../../api/queries";
import type { Instance, Run } from "../../api/types";
import { useMay } from "../../app/me";
import { type Wait, waitOf } from "../../lib/wait";
import { DagLink, RunLink } from "../../parts/links";
import { Time, UntrustedText } from "../../parts/text";
import { Badge } from "../../state/mark";
import { runMark } from "../../state/states";
import { AnswerButton, Asks } from "./asks";
import { SendEventDialog, WakeDialog } from "./wake-dialogs";
import "./waits.css";

interface Props {
  run: Pick<Run, "id" | "dag" | "version">;
  /** A deferred one. */
  instance: Instance;
}

export function WaitsFor({ run, instance }: Props) {
  const wait = waitOf(instance.waits_for);
  const attempts = useQuery(attemptsQuery(run.id, instance.task, instance.index));
  const since = attempts.data?.findLast((a) => a.end === "deferred")?.ended;
  const operate = useMay("operate");
  const [dialog, setDialog] = useState<"send" | "wake">();
  const at = { run: run.id, task: instance.task, index: instance.index };
  const close = () => setDialog(undefined);
  return (
    <div className="col g8">
      <div className="m wrapany">
        {wait?.kind === "approval" ? <Asks at={at} /> : <What wait={wait} due={Boolean(instance.due)} />}
      </div>
      <dl className="kv">
        {since && (
          <>
            <dt>Since</dt>
            <dd>
              <Time at={since} />{" "}
              <span className="mut nw">
                (<Time at={since} form="relative" />)
              </span>
            </dd>
          </>
        )}
        <dt>{wait && instance.due ? "At the longest" : "Until"}</dt>
        <dd>
          {instance.due ? (
            <>
              <Time at={instance.due} />{" "}
              <span className="mut nw">
                (<Time at={instance.due} form="relative" />)
              </span>
            </>
          ) : wait ? (
            `${wait.kind === "approval" ? "somebody answers" : "it comes"}: there is no timeout`
          ) : (
            "somebody wakes it"
          )}
        </dd>
        {wait?.kind === "approval" && wait.default && (
          <>
            <dt>Default</dt>
            <dd>
              <UntrustedText>{wait.default}</UntrustedText>
              <span className="mut">, where no one answers until then</span>
            </dd>
          </>
        )}
      </dl>
      {(operate || wait?.kind === "approval") && (
        <div className="row g8 wrapflex">
          {wait?.kind === "approval" && <AnswerButton at={at} />}
          {operate && wait?.kind === "event" && (
            <button type="button" className="btn" onClick={() => setDialog("send")}>
              Send event…
            </button>
          )}
          {operate && (
            <button type="button" className="btn" onClick={() => setDialog("wake")}>
              Wake…
            </button>
          )}
        </div>
      )}
      {dialog === "send" && wait?.kind === "event" && (
        <SendEventDialog run={run} name={wait.name} instance={instance} onClose={close} />
      )}
      {dialog === "wake" && <WakeDialog run={run} instance={instance} onClose={close} />}
    </div>
  );
}

/** One sentence. `due`: it goes on by itself at some time. */
export function What({ wait, due }: { wait: Wait | undefined; due: boolean }) {
  switch (wait?.kind) {
    case undefined:
      return due ? "It waits for a time." : "It waits until somebody wakes it.";
    case "event":
      return (
        <>
          It waits for the event <UntrustedText>{wait.name}</UntrustedText>.
        </>
      );
    case "approval":
      return "It waits for somebody's answer.";
    case "run":
      return <RunEnd run={wait.run} called={wait.called} task={wait.task} />;
    case "asset":
      return (
        <>
          It waits for an update of{" "}
          {wait.partition && (
            <>
              the partition <UntrustedText>{wait.partition}</UntrustedText> of{" "}
            </>
          )}
          the asset <UntrustedText>{wait.asset}</UntrustedText> since <Time at={wait.since} named />.
        </>
      );
    case "dag":
      return (
        <>
          It waits for the end of <TaskOf task={wait.task} />
          the run of{" "}
          <DagLink dag={wait.dag} className="ul">
            <UntrustedText>{wait.dag}</UntrustedText>
          </DagLink>{" "}
          for <Time at={wait.date} named />.
        </>
      );
    case "unknown":
      return (
        <>
          It waits for <UntrustedText>{wait.text}</UntrustedText>.
        </>
      );
  }
}

/** The task of a run that is waited for. */
function TaskOf({ task }: { task: string | undefined }) {
  if (task === undefined) return null;
  return (
    <>
      the task <UntrustedText>{task}</UntrustedText> of{" "}
    </>
  );
}

/** The run that is waited for, or whose task, with its state. Its address needs its DAG, so it is read. */
function RunEnd({ run, called, task }: { run: string; called: boolean; task: string | undefined }) {
  const query = useQuery(runQuery(run));
  const what = called ? "the run that it called" : "a run";
  if (!query.data)
    return (
      <>
        It waits for the end of <TaskOf task={task} />
        {what}: <code>{run}</code>.
      </>
    );
  const { dag, state } = query.data;
  return (
    <>
      It waits for the end of <TaskOf task={task} />
      {what}:{" "}
      <RunLink dag={dag} run={run} className="ul">
        <UntrustedText>{dag}</UntrustedText> <code>{run}</code>
      </RunLink>{" "}
      <span className="wait-state">
        <Badge state={runMark(state)} />
      </span>
    </>
  );
}

/** The same in a few words, for a list of instances. */
export function WaitBriefly({ instance }: { instance: Instance }) {
  if (instance.state !== "deferred") return null;
  const wait = waitOf(instance.waits_for);
  if (!wait) return instance.due ? <Time at={instance.due} form="relative" /> : null;
  if (wait.kind === "event") return <UntrustedText max={40}>{`event ${wait.name}`}</UntrustedText>;
  if (wait.kind === "approval") return "answer";
  if (wait.kind === "run") return <code>{wait.task ? `task ${wait.task} of ${wait.run}` : `run ${wait.run}`}</code>;
  if (wait.kind === "asset") return <UntrustedText max={40}>{`asset ${wait.asset}`}</UntrustedText>;
  return <UntrustedText max={40}>{wait.kind === "dag" ? `DAG ${wait.dag}` : wait.text}</UntrustedText>;
}
