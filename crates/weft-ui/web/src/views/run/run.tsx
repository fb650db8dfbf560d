/** A run: its head with what can be done, and the tabs. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { dag as dagQuery, run as runQuery, runs, tasks as tasksQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import { Head, Tabs } from "../../app/head";
import { useKeys } from "../../app/keys";
import { useMay } from "../../app/me";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { dateTime, ms } from "../../lib/time";
import { Go } from "../../parts/go";
import { Icon } from "../../parts/icons";
import { RunLink } from "../../parts/links";
import { Answer, Skeleton } from "../../parts/states";
import { Kbd, Took, UntrustedText } from "../../parts/text";
import { Badge, Mark } from "../../state/mark";
import { isEnded, KIND_NAME, runMark } from "../../state/states";
import { NoteBar, NoteButton } from "../notes/note";
import { CancelDialog, ClearDialog } from "./late-dialogs";
import { Overview } from "./overview";
import "./run.css";

const Events = lazy(() => import("./events").then((m) => ({ default: m.Events })));
const Params = lazy(() => import("./params").then((m) => ({ default: m.Params })));
const Called = lazy(() => import("./called").then((m) => ({ default: m.Called })));
const AssetsOfRun = lazy(() => import("./assets").then((m) => ({ default: m.AssetsOfRun })));
const Compare = lazy(() => import("./compare").then((m) => ({ default: m.Compare })));

const TABS = [
  ["overview", "Overview"],
  ["events", "Events"],
  ["tree", "Called runs"],
  ["assets", "Assets"],
  ["params", "Parameters"],
  ["compare", "Compare"],
] as const;

export function RunPage() {
  const { dag, run, tab } = useParams({ strict: false }) as { dag: string; run: string; tab: string };
  const query = useQuery(runQuery(run));
  return (
    <Answer
      of={query}
      skeleton={
        <>
          <Head title="Run" crumbs={crumbs(dag)} open />
          <Skeleton rows={12} height={16} />
        </>
      }
    >
      {(data) => <RunView run={data} tab={tab} />}
    </Answer>
  );
}

const crumbs = (dag: string) =>
  [
    { label: "DAGs", to: { to: "/dags" } },
    { label: <UntrustedText>{dag}</UntrustedText>, to: { to: "/dags/$dag/$tab", params: { dag, tab: "grid" } } },
  ] as const;

function RunView({ run, tab }: { run: Run; tab: string }) {
  const detail = useQuery(dagQuery(run.dag));
  const zone = useZone(detail.data?.timezone);
  const [task] = useParam("task");
  const [dialog, setDialog] = useState<"clear" | "cancel">();
  const operate = useMay("operate");
  const summaries = useQuery(tasksQuery(run.id));
  const ended = isEnded(run.state);
  const failed = (summaries.data ?? []).filter((t) => t.counts.failed > 0).map((t) => t.task);
  const toClear = task ? [task] : failed;
  useKeys({
    r: operate && toClear.length > 0 ? () => setDialog("clear") : undefined,
  });
  return (
    <>
      <Head
        title={dateTime(ms(run.logical_date) ?? 0, zone)}
        crumbs={crumbs(run.dag)}
        open
        badges={
          <>
            <Badge state={runMark(run.state)} />
            <span className="mut el wide">
              <Took from={run.started} to={run.ended} />
              {run.started && ", "}version {run.version}, <KindOf run={run} />
              {run.called_by && <CalledBy run={run.called_by} />}
            </span>
          </>
        }
        actions={
          <>
            <Neighbours run={run} tab={tab} />
            {!run.note && <NoteButton of={{ run: run.id }} note={run.note} />}
            {operate && !ended && (
              <button type="button" className="btn" onClick={() => setDialog("cancel")}>
                Cancel…
              </button>
            )}
            {operate && ended && (
              <Link
                to="/dags/$dag/trigger"
                params={{ dag: run.dag }}
                search={{ from: run.id, with: "date" }}
                className="btn wide"
              >
                Run again…
              </Link>
            )}
            {operate && toClear.length > 0 && (
              <button type="button" className="btn pri" onClick={() => setDialog("clear")}>
                Clear{task ? "" : " failed"}…<Kbd>r</Kbd>
              </button>
            )}
          </>
        }
      />
      <Tabs
        label="Run"
        at={tab}
        tabs={TABS.map(([id, label]) => ({
          id,
          label,
          to: { to: "/dags/$dag/runs/$run/$tab", params: { dag: run.dag, run: run.id, tab: id } },
        }))}
      />
      {run.held && (
        <div className="note-bar">
          <Mark state="failed" size={14} />
          <UntrustedText max={400}>{run.held}</UntrustedText>
        </div>
      )}
      {detail.data?.held && !ended && (
        <div className="note-bar">
          <Mark state="queued" size={14} />
          <span>
            <Go target={{ to: "/dags/$dag/$tab", params: { dag: run.dag, tab: "grid" } }} className="ul">
              The DAG
            </Go>{" "}
            is held: nothing more of its runs is dispatched until it is unpaused.
          </span>
        </div>
      )}
      <NoteBar of={{ run: run.id }} note={run.note} />
      <Suspense fallback={<Skeleton />}>
        {tab === "events" ? (
          <Events run={run} />
        ) : tab === "tree" ? (
          <Called run={run} />
        ) : tab === "assets" ? (
          <AssetsOfRun run={run} />
        ) : tab === "params" ? (
          <Params run={run} />
        ) : tab === "compare" ? (
          <Compare run={run} />
        ) : (
          <Overview run={run} />
        )}
      </Suspense>
      {dialog === "clear" && (
        <ClearDialog run={run} tasks={toClear} onlyFailed={!task} onClose={() => setDialog(undefined)} />
      )}
      {dialog === "cancel" && <CancelDialog run={run} onClose={() => setDialog(undefined)} />}
    </>
  );
}

/** Why there is the run; of one that assets created it leads to their updates. */
function KindOf({ run }: { run: Run }) {
  if (run.kind !== "assets") return <>{KIND_NAME[run.kind]}</>;
  return (
    <RunLink dag={run.dag} run={run.id} tab="assets" className="ul">
      {KIND_NAME[run.kind]}
    </RunLink>
  );
}

/** The run that called this one. Its address needs its DAG, so it is read; it may be gone. */
function CalledBy({ run }: { run: string }) {
  const query = useQuery(runQuery(run));
  return (
    <>
      {" "}
      by{" "}
      {query.data ? (
        <RunLink dag={query.data.dag} run={run} className="ul">
          <UntrustedText>{query.data.dag}</UntrustedText>
        </RunLink>
      ) : (
        <>
          run <code>{run}</code>
        </>
      )}
    </>
  );
}

/** The runs before and after, by `[` and `]`. */
function Neighbours({ run, tab }: { run: Run; tab: string }) {
  const near = useInfiniteQuery(runs({ dag: run.dag }, 100));
  const navigate = useNavigate();
  const list = near.data?.pages.flatMap((page) => page.items) ?? [];
  const at = list.findIndex((r) => r.id === run.id);
  const to = (r: Run | undefined) =>
    r && (() => void navigate({ to: "/dags/$dag/runs/$run/$tab", params: { dag: r.dag, run: r.id, tab } }));
  const earlier = at >= 0 ? to(list[at + 1]) : undefined;
  const later = at > 0 ? to(list[at - 1]) : undefined;
  useKeys({ "[": earlier, "]": later });
  return (
    <span className="seg">
      <button type="button" aria-label="Earlier run" title="Earlier run  [" disabled={!earlier} onClick={earlier}>
        <Icon name="left" size={14} />
      </button>
      <button type="button" aria-label="Later run" title="Later run  ]" disabled={!later} onClick={later}>
        <Icon name="right" size={14} />
      </button>
    </span>
  );
}
