/** A selected task of a run: its sum, why it failed or waits, its instances, what can be done. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  instances as instancesQuery,
  tasks as tasksQuery,
  version as versionQuery,
  why as whyQuery,
} from "../../api/queries";
import type { Instance, Run, TaskSummary } from "../../api/types";
import { useMay } from "../../app/me";
import { bytes, count, plural } from "../../lib/text";
import { duration, ms } from "../../lib/time";
import { NextPage } from "../../parts/controls";
import { CountsBar } from "../../parts/counts-bar";
import { Go } from "../../parts/go";
import { Icon } from "../../parts/icons";
import { AssetLink, InstanceLink, instanceTo } from "../../parts/links";
import { Answer } from "../../parts/states";
import { Kbd, Time, Took, UntrustedText } from "../../parts/text";
import { Badge, Mark } from "../../state/mark";
import { type InstanceState, isEnded, NAME, NO_COUNTS, total, worst } from "../../state/states";
import { NoteButton, NoteSign, NoteText } from "../notes/note";
import { specOf } from "../task/spec";
import { ClearDialog, MarkDialog } from "./late-dialogs";
import { WaitBriefly, WaitsFor } from "./waits";
import "./run.css";

interface Props {
  run: Pick<Run, "id" | "dag" | "version" | "logical_date">;
  task: string;
  onClose: () => void;
  /** The state of its one instance, where the caller has it: then nothing is read of the run's other tasks. */
  state?: InstanceState | undefined;
}

export function TaskPanel({ run, task, state, onClose }: Props) {
  const summaries = useQuery({ ...tasksQuery(run.id), enabled: !state });
  if (state) {
    const summary = { task, mapped: false, instances: 1, counts: { ...NO_COUNTS, [state]: 1 } };
    return <Panel run={run} summary={summary} onClose={onClose} />;
  }
  return (
    <Answer of={summaries}>
      {(list) => {
        const summary = list.find((t) => t.task === task);
        return summary ? <Panel run={run} summary={summary} onClose={onClose} /> : null;
      }}
    </Answer>
  );
}

function Panel({ run, summary, onClose }: { run: Props["run"]; summary: TaskSummary; onClose: () => void }) {
  const { task, counts, mapped } = summary;
  const state = worst(counts) ?? "waiting";
  const [dialog, setDialog] = useState<"clear" | "mark">();
  const operate = useMay("operate");
  const only = counts.failed > 0 && mapped ? "failed" : undefined;
  const query = useInfiniteQuery(instancesQuery(run.id, task, only, 50));
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const first = items[0];
  const all = total(counts);
  return (
    <div className="panel">
      <div className="panel-p">
        <div className="row g8">
          <h2 className="t16 sb el">
            <UntrustedText>{task}</UntrustedText>
          </h2>
          {mapped && <span className="tag">{count(summary.instances)} mapped</span>}
          <span className="sp" />
          <button type="button" className="btn ghost sm" aria-label="Close" onClick={onClose}>
            <Icon name="x" size={14} />
          </button>
        </div>
        <div className="mut">
          run of <Time at={run.logical_date} named />, version {run.version}
        </div>
      </div>
      <div className="panel-p">
        <div className="row g8 sum-line">
          <Badge state={state}>{all > 1 ? `${count(counts[state])} ${NAME[state]}` : undefined}</Badge>
          <span className="sp" />
          {all > 1 && counts.success > 0 && state !== "success" && (
            <span className="mut">{count(counts.success)} succeeded</span>
          )}
        </div>
        {all > 1 && <CountsBar counts={counts} width={342} />}
      </div>
      {first?.error && state === "failed" && <Cause run={run} instance={first} mapped={mapped} />}
      {!mapped && first?.state === "deferred" ? (
        <div className="panel-p">
          <h2>What it waits for</h2>
          <WaitsFor run={run} instance={first} />
        </div>
      ) : (
        !isEnded(state) && state !== "running" && <Waits run={run.id} task={task} />
      )}
      {(mapped || all > 1) && items.length > 0 && (
        <div className="panel-p">
          <div className="row g8">
            <h2 className="sp">{only ? "Failed instances" : "Instances"}</h2>
            <span className="mut t12">
              {count(items.length)} of {count(only ? counts.failed : all)}
            </span>
          </div>
          {items.slice(0, 200).map((i) => (
            <div className="inst" key={i.index}>
              <Mark state={i.state} size={14} label />
              <InstanceLink dag={run.dag} run={run.id} task={task} index={i.index} mapped>
                [{i.index}]
              </InstanceLink>
              <NoteSign note={i.note} />
              <span className="sp" />
              <span className="mut el">
                <WaitBriefly instance={i} />
              </span>
              {i.attempt > 1 && <span className="mut">{plural(i.attempt, "attempt")}</span>}
              <span className="mut">
                <Took from={i.started} to={i.ended} />
              </span>
            </div>
          ))}
          <NextPage query={query} small>
            More
          </NextPage>
        </div>
      )}
      {!mapped && first?.note && (
        <div className="panel-p">
          <h2>Note</h2>
          <NoteText note={first.note} />
        </div>
      )}
      {!mapped && first && <Facts instance={first} />}
      <Outlets run={run} task={task} />
      <div className="panel-p panel-foot">
        <div className="row g8 wrapflex">
          {operate && (
            <button type="button" className="btn pri" onClick={() => setDialog("clear")}>
              Clear…<Kbd>r</Kbd>
            </button>
          )}
          <Go
            target={instanceTo({ dag: run.dag, run: run.id, task, index: first?.index ?? 0, mapped })}
            className="btn"
          >
            Logs<Kbd>l</Kbd>
          </Go>
          {operate && !mapped && (
            <button type="button" className="btn" onClick={() => setDialog("mark")}>
              Mark…
            </button>
          )}
          {!mapped && first && <NoteButton of={{ run: run.id, task, index: 0 }} note={first.note} />}
        </div>
      </div>
      {dialog === "clear" && <ClearDialog run={run} tasks={[task]} onClose={() => setDialog(undefined)} />}
      {dialog === "mark" && <MarkDialog run={run} task={task} index={0} onClose={() => setDialog(undefined)} />}
    </div>
  );
}

function Cause({ run, instance, mapped }: { run: Props["run"]; instance: Instance; mapped: boolean }) {
  const { error } = instance;
  if (!error) return null;
  return (
    <div className="panel-p">
      <h2>Why</h2>
      <div className="t14 m wrapany">
        <UntrustedText max={500}>{error.message}</UntrustedText>
      </div>
      <div className="mut">
        <code>{error.code}</code>, {plural(instance.attempt, "attempt")}.{" "}
        <InstanceLink
          dag={run.dag}
          run={run.id}
          task={instance.task}
          index={instance.index}
          mapped={mapped}
          attempt={instance.attempt}
          className="ul"
        >
          Its log
        </InstanceLink>
      </div>
    </div>
  );
}

function Waits({ run, task }: { run: string; task: string }) {
  const query = useQuery(whyQuery(run, task, 0));
  const reasons = query.data?.reasons ?? [];
  if (reasons.length === 0) return null;
  return (
    <div className="panel-p">
      <h2>Why it waits</h2>
      {reasons.map((reason) => (
        <div key={reason.code + reason.message} className="reason">
          <UntrustedText max={400}>{reason.message}</UntrustedText>
          {reason.help && <div className="mut">{reason.help}</div>}
        </div>
      ))}
    </div>
  );
}

/** The assets that the task updates. A version never changes, so its document is read once. */
function Outlets({ run, task }: { run: Props["run"]; task: string }) {
  const doc = useQuery(versionQuery(run.dag, run.version));
  const { outlets } = specOf(doc.data?.document, task);
  if (outlets.length === 0) return null;
  return (
    <div className="panel-p">
      <h2>Updates</h2>
      {outlets.map((asset) => (
        <div key={asset} className="wrapany">
          <AssetLink asset={asset} />
        </div>
      ))}
    </div>
  );
}

function Facts({ instance }: { instance: Instance }) {
  const { usage } = instance;
  const started = ms(instance.started);
  const queued = ms(instance.queued);
  return (
    <div className="panel-p">
      <dl className="kv">
        {instance.attempt > 0 && (
          <>
            <dt>Attempts</dt>
            <dd>{instance.attempt}</dd>
          </>
        )}
        {started !== undefined && (
          <>
            <dt>Started</dt>
            <dd>
              <Time at={instance.started} />
            </dd>
            <dt>Took</dt>
            <dd>
              <Took from={instance.started} to={instance.ended} />
              {queued !== undefined && started - queued > 1000 && `, waited ${duration(started - queued)}`}
            </dd>
          </>
        )}
        {instance.worker && (
          <>
            <dt>Worker</dt>
            <dd>
              <UntrustedText>{instance.worker}</UntrustedText>
            </dd>
          </>
        )}
        {usage?.memory_peak_bytes ? (
          <>
            <dt>Memory</dt>
            <dd>{bytes(usage.memory_peak_bytes)} at most</dd>
          </>
        ) : null}
        {usage?.ran_ahead && (
          <>
            <dt>Ran ahead</dt>
            <dd>It began on its worker before that was committed</dd>
          </>
        )}
        {instance.output && (
          <>
            <dt>Output</dt>
            <dd>{bytes(instance.output.bytes)}</dd>
          </>
        )}
      </dl>
    </div>
  );
}
