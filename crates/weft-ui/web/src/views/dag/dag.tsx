/** A DAG: its head with pause and trigger, and the tabs. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { dag as dagQuery, runs } from "../../api/queries";
import type { DagDetail } from "../../api/types";
import { Head, Tabs } from "../../app/head";
import { useKeys } from "../../app/keys";
import { useMay } from "../../app/me";
import { pinned } from "../../app/prefs";
import { useStore } from "../../lib/store";
import { sentence } from "../../lib/text";
import { Icon } from "../../parts/icons";
import { Answer, Skeleton } from "../../parts/states";
import { Kbd, Time, UntrustedText } from "../../parts/text";
import { Badge } from "../../state/mark";
import { NAME, runMark } from "../../state/states";
import { GridTab } from "./grid-tab";
import { PauseButtons } from "./pause-buttons";
import "./dag.css";

const GraphTab = lazy(() => import("./graph-tab").then((m) => ({ default: m.GraphTab })));
const GanttTab = lazy(() => import("./gantt-tab").then((m) => ({ default: m.GanttTab })));
const CalendarTab = lazy(() => import("./calendar-tab").then((m) => ({ default: m.CalendarTab })));
const DurationsTab = lazy(() => import("./durations-tab").then((m) => ({ default: m.DurationsTab })));
const ScheduleTab = lazy(() => import("./schedule-tab").then((m) => ({ default: m.ScheduleTab })));
const WebhooksTab = lazy(() => import("./webhooks-tab").then((m) => ({ default: m.WebhooksTab })));
const CodeTab = lazy(() => import("./code-tab").then((m) => ({ default: m.CodeTab })));
const SettingsTab = lazy(() => import("./settings-tab").then((m) => ({ default: m.SettingsTab })));

const TABS = ["grid", "graph", "gantt", "calendar", "durations", "schedule", "webhooks", "code", "settings"] as const;

export function DagPage() {
  const { dag, tab } = useParams({ strict: false }) as { dag: string; tab: string };
  const query = useQuery(dagQuery(dag));
  return (
    <Answer
      of={query}
      skeleton={
        <>
          <Head title={dag} crumbs={[{ label: "DAGs", to: { to: "/dags" } }]} open />
          <Skeleton rows={14} height={14} />
        </>
      }
    >
      {(data) => <DagView dag={data} tab={tab} />}
    </Answer>
  );
}

function DagView({ dag, tab }: { dag: DagDetail; tab: string }) {
  const newest = useInfiniteQuery(runs({ dag: dag.id }, 1));
  const last = newest.data?.pages[0]?.items[0];
  const operate = useMay("operate");
  const navigate = useNavigate();
  useKeys({
    t: operate ? () => void navigate({ to: "/dags/$dag/trigger", params: { dag: dag.id } }) : undefined,
  });
  return (
    <>
      <Head
        title={dag.id}
        crumbs={[{ label: "DAGs", to: { to: "/dags" } }]}
        open
        badges={
          <>
            <PinButton dag={dag.id} />
            {last && (
              <Badge state={runMark(last.state)}>
                {last.state === "failed" ? "Failing" : sentence(NAME[runMark(last.state)])}
              </Badge>
            )}
            {dag.paused && <span className="tag">{dag.held ? "paused, runs held" : "paused"}</span>}
            {dag.tags.map((tag) => (
              <Link key={tag} to="/dags" search={{ tag }} className="tag ln wide">
                <UntrustedText max={40}>{tag}</UntrustedText>
              </Link>
            ))}
            {dag.owners?.map((owner) => (
              <Link key={owner} to="/dags" search={{ owner }} className="mut ln wide" title="Owner">
                <UntrustedText max={40}>{owner}</UntrustedText>
              </Link>
            ))}
          </>
        }
        actions={
          <>
            {dag.next_run && !dag.paused && (
              <span className="mut wide">
                next <Time at={dag.next_run} zone={dag.timezone} />,{" "}
                <Time at={dag.next_run} zone={dag.timezone} form="relative" />
              </span>
            )}
            {operate && (
              <>
                <PauseButtons dag={dag} />
                <Link to="/dags/$dag/trigger" params={{ dag: dag.id }} className="btn pri">
                  <Icon name="play" size={14} />
                  Trigger<Kbd>t</Kbd>
                </Link>
              </>
            )}
          </>
        }
      />
      <Tabs
        label="DAG"
        at={tab}
        tabs={TABS.map((id) => ({
          id,
          label: sentence(id),
          to: { to: "/dags/$dag/$tab", params: { dag: dag.id, tab: id } },
        }))}
      />
      <Suspense fallback={<Skeleton />}>
        <Tab dag={dag} tab={tab} />
      </Suspense>
    </>
  );
}

function Tab({ dag, tab }: { dag: DagDetail; tab: string }) {
  if (tab === "graph") return <GraphTab dag={dag} />;
  if (tab === "gantt") return <GanttTab dag={dag} />;
  if (tab === "calendar") return <CalendarTab dag={dag} />;
  if (tab === "durations") return <DurationsTab dag={dag} />;
  if (tab === "schedule") return <ScheduleTab dag={dag} />;
  if (tab === "webhooks") return <WebhooksTab dag={dag} />;
  if (tab === "code") return <CodeTab dag={dag} />;
  if (tab === "settings") return <SettingsTab dag={dag} />;
  return <GridTab dag={dag} />;
}

function PinButton({ dag }: { dag: string }) {
  const names = useStore(pinned);
  const on = names.includes(dag);
  return (
    <button
      type="button"
      className="btn ghost sm wide"
      aria-pressed={on}
      aria-label={on ? "Unpin from the sidebar" : "Pin to the sidebar"}
      title={on ? "Unpin from the sidebar" : "Pin to the sidebar"}
      onClick={() => pinned.set(on ? names.filter((n) => n !== dag) : [...names, dag])}
    >
      <Icon name={on ? "x" : "pin"} size={14} />
    </button>
  );
}
