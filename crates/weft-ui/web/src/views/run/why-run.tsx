/** Why a run stands where it stands, in one line: what failed first, or what is waited for. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { instances, why } from "../../api/queries";
import type { Run, TaskSummary } from "../../api/types";
import { count, plural } from "../../lib/text";
import { waitOf } from "../../lib/wait";
import { InstanceLink } from "../../parts/links";
import { Time, UntrustedText } from "../../parts/text";
import { Mark } from "../../state/mark";
import { isEnded, runMark } from "../../state/states";
import { What } from "./waits";

export function WhyRun({ run, tasks }: { run: Run; tasks: readonly TaskSummary[] }) {
  const failed = tasks.filter((t) => t.counts.failed > 0);
  const first = failed[0];
  if (first) return <FailedLine run={run} first={first} failed={failed} tasks={tasks} />;
  if (isEnded(run.state)) return null;
  if (run.state === "queued") return <QueuedLine run={run} />;
  const active = tasks.some((t) => t.counts.running > 0);
  if (active) return null;
  const waiting = tasks.find((t) => t.counts.queued + t.counts.ready + t.counts.up_for_retry > 0);
  if (waiting) return <WaitingLine run={run} task={waiting} />;
  const deferred = tasks.find((t) => t.counts.deferred > 0);
  if (deferred) return <DeferredLine run={run} task={deferred} all={tasks} />;
  // Nothing is under way, so that it waits for the run before.
  const held = tasks.find((t) => t.counts.waiting > 0);
  return held ? <WaitingLine run={run} task={held} /> : null;
}

function QueuedLine({ run }: { run: Run }) {
  if (!run.waits_for) return null;
  return (
    <div className="why-run row g8 wrapflex">
      <Mark state={runMark(run.state)} />
      <span className="m">
        <UntrustedText>{run.waits_for}</UntrustedText>
      </span>
    </div>
  );
}

function FailedLine(props: {
  run: Run;
  first: TaskSummary;
  failed: readonly TaskSummary[];
  tasks: readonly TaskSummary[];
}) {
  const { run, first, failed, tasks } = props;
  const query = useInfiniteQuery(instances(run.id, first.task, "failed", 1));
  const one = query.data?.pages[0]?.items[0];
  const held = tasks.reduce((sum, t) => sum + t.counts.upstream_failed, 0);
  const others = failed.length - 1;
  return (
    <div className="why-run row g8 wrapflex">
      <Mark state="failed" />
      <span className="m el">
        {one?.error ? (
          <UntrustedText>{one.error.message}</UntrustedText>
        ) : (
          plural(first.counts.failed, "failed instance")
        )}
      </span>
      <span className="mut">
        <InstanceLink
          dag={run.dag}
          run={run.id}
          task={first.task}
          index={one?.index ?? 0}
          mapped={first.mapped}
          className="ul"
          {...(one ? { attempt: one.attempt } : {})}
        />
        {first.counts.failed > 1 && `, ${count(first.counts.failed)} instances`}
        {others > 0 && `, and ${plural(others, "more task")}`}
        {held > 0 && `; ${plural(held, "instance")} never ran because of it`}
      </span>
    </div>
  );
}

function WaitingLine({ run, task }: { run: Run; task: TaskSummary }) {
  const query = useQuery(why(run.id, task.task, 0));
  const reason = query.data?.reasons[0];
  if (!reason) return null;
  return (
    <div className="why-run row g8 wrapflex">
      <Mark state="queued" />
      <span className="m">
        <UntrustedText>{reason.message}</UntrustedText>
      </span>
      {reason.help && <span className="mut">{reason.help}</span>}
    </div>
  );
}

function DeferredLine({ run, task, all }: { run: Run; task: TaskSummary; all: readonly TaskSummary[] }) {
  const query = useInfiniteQuery(instances(run.id, task.task, "deferred", 1));
  const one = query.data?.pages[0]?.items[0];
  if (!one) return null;
  const wait = waitOf(one.waits_for);
  const others = all.reduce((sum, t) => sum + t.counts.deferred, 0) - 1;
  return (
    <div className="why-run row g8 wrapflex">
      <Mark state="deferred" />
      <span className="m">
        <What wait={wait} due={Boolean(one.due)} />
      </span>
      <span className="mut">
        <InstanceLink
          dag={run.dag}
          run={run.id}
          task={task.task}
          index={one.index}
          mapped={task.mapped}
          className="ul"
        />
        {one.due && (
          <>
            , until <Time at={one.due} named />
            {wait && " at the longest"}
          </>
        )}
        {others > 0 && `, and ${plural(others, "more deferred instance")}`}
      </span>
    </div>
  );
}
