/** A task instance: its head, attempts, and the tabs. */
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import {
  attempts as attemptsQuery,
  dag as dagQuery,
  instance as instanceQuery,
  run as runQuery,
  tasks as tasksQuery,
} from "../../api/queries";
import type { Attempt, Instance, Run } from "../../api/types";
import { Head, Tabs } from "../../app/head";
import { useKeys } from "../../app/keys";
import { useMay } from "../../app/me";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { count } from "../../lib/text";
import { clock, dateTime, ms } from "../../lib/time";
import { Go } from "../../parts/go";
import { Icon } from "../../parts/icons";
import { instanceTo } from "../../parts/links";
import { Answer, Empty, Skeleton } from "../../parts/states";
import { Kbd, Took, UntrustedText } from "../../parts/text";
import { Badge, Mark } from "../../state/mark";
import { isEnded, type MarkState, NAME } from "../../state/states";
import { NoteBar, NoteButton } from "../notes/note";
import { ClearDialog, MarkDialog } from "../run/late-dialogs";
import { Logs } from "./logs";
import { SidePanel } from "./side-panel";
import "./task.css";
import "../dags/dags.css";

const Io = lazy(() => import("./io").then((m) => ({ default: m.Io })));
const Limits = lazy(() => import("./limits").then((m) => ({ default: m.Limits })));
const WhyTab = lazy(() => import("./why").then((m) => ({ default: m.WhyTab })));

const TABS = [
  ["logs", "Logs"],
  ["io", "Inputs and outputs"],
  ["limits", "Limits"],
  ["why", "Why"],
] as const;

interface Path {
  dag: string;
  run: string;
  task: string;
  index?: string;
  tab: string;
}

export function TaskPage() {
  return <Page path={useParams({ strict: false }) as unknown as Path} />;
}

export function MappedTaskPage() {
  return <Page path={useParams({ strict: false }) as unknown as Path} />;
}

function Page({ path }: { path: Path }) {
  const index = Number(path.index ?? 0) || 0;
  const run = useQuery(runQuery(path.run));
  const instance = useQuery(instanceQuery(path.run, path.task, index));
  const loading = (
    <>
      <Head title={path.task} open />
      <Skeleton rows={12} height={12} gap={8} />
    </>
  );
  return (
    <Answer of={run} skeleton={loading}>
      {(r) => (
        <Answer of={instance} skeleton={loading}>
          {(i) => <View run={r} instance={i} tab={path.tab} addressed={path.index !== undefined} />}
        </Answer>
      )}
    </Answer>
  );
}

/** How an attempt ended, as a mark. */
export function attemptState(attempt: Attempt, instance: Instance): MarkState {
  if (!attempt.end) return instance.state;
  if (attempt.end === "lost") return "failed";
  if (attempt.end === "revoked") return "cancelled";
  return attempt.end in NAME ? (attempt.end as MarkState) : "skipped";
}

function View({ run, instance, tab, addressed }: { run: Run; instance: Instance; tab: string; addressed: boolean }) {
  const { task, index } = instance;
  const detail = useQuery(dagQuery(run.dag));
  const summaries = useQuery(tasksQuery(run.id));
  const list = useQuery(attemptsQuery(run.id, task, index));
  const summary = summaries.data?.find((t) => t.task === task);
  const mapped = addressed || Boolean(summary?.mapped);
  const zone = useZone(detail.data?.timezone);
  const operate = useMay("operate");
  const [dialog, setDialog] = useState<"clear" | "mark">();
  const [chosen, setChosen] = useParam("attempt");
  const attempts = list.data ?? [];
  const last = attempts.at(-1)?.number ?? instance.attempt;
  const attempt = Number(chosen) || last;
  const at = attempts.find((a) => a.number === attempt);
  useKeys({
    r: operate ? () => setDialog("clear") : undefined,
    "[": attempt > 1 ? () => setChosen(String(attempt - 1)) : undefined,
    "]": attempt < last ? () => setChosen(attempt + 1 === last ? "" : String(attempt + 1)) : undefined,
  });
  const common = { run, instance, attempt, at };
  const noted = { run: run.id, task, index };
  return (
    <>
      <Head
        title={mapped ? `${task} [${index}]` : task}
        open
        crumbs={[
          { label: "DAGs", to: { to: "/dags" } },
          {
            label: <UntrustedText>{run.dag}</UntrustedText>,
            to: { to: "/dags/$dag/$tab", params: { dag: run.dag, tab: "grid" } },
          },
          {
            label: dateTime(ms(run.logical_date) ?? 0, zone),
            to: {
              to: "/dags/$dag/runs/$run/$tab",
              params: { dag: run.dag, run: run.id, tab: "overview" },
              search: { task },
            },
          },
        ]}
        badges={
          <>
            <Badge state={instance.state} />
            <span className="mut wide">
              <Took from={instance.started} to={instance.ended} />
            </span>
          </>
        }
        actions={
          <>
            {mapped && summary && <Siblings run={run} instance={instance} total={summary.instances} tab={tab} />}
            {!instance.note && <NoteButton of={noted} note={instance.note} />}
            {operate && (
              <button type="button" className="btn wide" onClick={() => setDialog("mark")}>
                Mark…
              </button>
            )}
            {operate && (
              <button type="button" className="btn pri" onClick={() => setDialog("clear")}>
                Clear…<Kbd>r</Kbd>
              </button>
            )}
          </>
        }
      />
      <Tabs
        label="Task instance"
        at={tab}
        tabs={TABS.map(([id, label]) => ({
          id,
          label,
          to: instanceTo(
            { dag: run.dag, run: run.id, task, index, mapped: addressed },
            id,
            Number(chosen) || undefined,
          ),
        }))}
      />
      <NoteBar of={noted} note={instance.note} />
      <div className="task-work">
        <div className="col">
          {attempts.length > 0 && (
            <div className="att" role="group" aria-label="Attempts">
              {attempts.map((a) => (
                <button
                  key={a.number}
                  type="button"
                  aria-pressed={a.number === attempt}
                  className={a.number === attempt ? "on" : ""}
                  onClick={() => setChosen(a.number === last ? "" : String(a.number), true)}
                >
                  <Mark state={attemptState(a, instance)} size={14} label />
                  <b>{a.number}</b>
                  <span className="mut el">
                    {a.error ? (
                      <UntrustedText max={80}>{a.error.message}</UntrustedText>
                    ) : a.worker ? (
                      <>
                        on <UntrustedText max={40}>{a.worker}</UntrustedText>
                      </>
                    ) : null}
                    {a.started && (
                      <>
                        {(a.error || a.worker) && ", "}
                        {a.ended ? (
                          <Took from={a.started} to={a.ended} />
                        ) : (
                          `since ${clock(ms(a.started) ?? 0, zone, "s")}`
                        )}
                      </>
                    )}
                  </span>
                </button>
              ))}
            </div>
          )}
          <Suspense fallback={<Skeleton />}>
            {tab === "io" ? (
              <Io {...common} />
            ) : tab === "limits" ? (
              <Limits {...common} />
            ) : tab === "why" ? (
              <WhyTab {...common} />
            ) : attempt > 0 ? (
              <Logs
                run={run.id}
                instance={instance}
                attempt={attempt}
                failed={at?.end === "failed" || instance.state === "failed"}
                zone={detail.data?.timezone}
              />
            ) : (
              <NotStarted {...common} />
            )}
          </Suspense>
        </div>
        <aside className="side2 wide" aria-label="This attempt">
          <SidePanel {...common} waits={tab !== "why"} />
        </aside>
      </div>
      {dialog === "clear" && (
        <ClearDialog run={run} tasks={[task]} index={mapped ? index : undefined} onClose={() => setDialog(undefined)} />
      )}
      {dialog === "mark" && <MarkDialog run={run} task={task} index={index} onClose={() => setDialog(undefined)} />}
    </>
  );
}

function NotStarted({ run, instance }: { run: Run; instance: Instance }) {
  return isEnded(instance.state) ? (
    <Empty>
      <b>It never ran</b>, so there is no log.
    </Empty>
  ) : (
    <Suspense fallback={<Skeleton />}>
      <WhyTab run={run} instance={instance} attempt={0} at={undefined} />
    </Suspense>
  );
}

function Siblings({ run, instance, total, tab }: { run: Run; instance: Instance; total: number; tab: string }) {
  const to = (index: number) =>
    instanceTo({ dag: run.dag, run: run.id, task: instance.task, index, mapped: true }, tab);
  const { index } = instance;
  return (
    <span className="row g8">
      <span className="mut wide">
        {count(index + 1)} of {count(total)}
      </span>
      <span className="seg">
        <Go target={to(Math.max(0, index - 1))} aria-label="Instance before">
          <Icon name="left" size={14} />
        </Go>
        <Go target={to(Math.min(total - 1, index + 1))} aria-label="Instance after">
          <Icon name="right" size={14} />
        </Go>
      </span>
    </span>
  );
}
