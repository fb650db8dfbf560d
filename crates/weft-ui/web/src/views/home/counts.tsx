/** The five counts of Home, each a link to what it counts. */
import type { ReactNode } from "react";
import type { ListedDag } from "../../api/queries";
import type { Failures, Overview } from "../../api/shapes";
import { count, plural } from "../../lib/text";
import { ms } from "../../lib/time";
import { Go, type Target } from "../../parts/go";
import { Icon } from "../../parts/icons";
import { Spark } from "../../parts/spark";
import { Mark } from "../../state/mark";
import { firstSeen } from "./causes";

export const changedSince = (dag: ListedDag, from: number): boolean => (ms(dag.updated) ?? 0) >= from;

interface CountProps {
  mark: ReactNode;
  label: string;
  value: number | undefined;
  note: ReactNode;
  to: Target;
  spark?: ReactNode;
}

function Count({ mark, label, value, note, to, spark }: CountProps) {
  return (
    <Go target={to} className="cnt">
      <div className="l">
        {mark}
        {label}
      </div>
      <div className="v">{value === undefined ? "–" : count(value)}</div>
      <div className="t12 mut el note">{note}</div>
      {spark}
    </Go>
  );
}

interface Props {
  overview: Overview;
  dags: readonly ListedDag[];
  causes: Failures | undefined;
  from: number;
}

export function Counts({ overview, dags, causes, from }: Props) {
  const changed = dags.filter((dag) => changedSince(dag, from));
  const fresh = causes?.groups.filter((g) => (ms(firstSeen(g)) ?? 0) >= from).length ?? 0;
  const { health } = overview;
  const queued = health.queues.reduce((sum, q) => sum + q.queued + q.ready, 0);
  const running = health.slots_used;
  const hours = overview.hours;
  return (
    <section className="box counts" aria-label="Counts">
      <Count
        mark={<Mark state="running" />}
        label="Running"
        value={overview.running}
        note={`${plural(running, "instance")}, ${count(queued)} queued`}
        to={{ to: "/runs", search: { state: "running" } }}
        spark={
          hours &&
          hours.length > 1 && (
            <Spark label="Runs ended per hour" values={hours.map((h) => h.success + h.failed + (h.cancelled ?? 0))} />
          )
        }
      />
      <Count
        mark={<Mark state="failed" />}
        label="DAGs failing"
        value={overview.dags_failing}
        note={fresh > 0 ? `${plural(fresh, "new cause")}` : "no new cause"}
        to={{ to: "/dags", search: { state: "failed" } }}
      />
      <Count
        mark={<Mark state="running" late />}
        label="Late"
        value={overview.late}
        note="not started when due"
        to={{ to: "/runs", search: { state: "queued" } }}
      />
      <Count
        mark={<Mark state="upstream_failed" />}
        label="Failed runs"
        value={overview.failed}
        note={
          overview.capped ? "at least" : `${count(overview.hours.reduce((sum, h) => sum + h.success, 0))} succeeded`
        }
        to={{ to: "/runs", search: { state: "failed" } }}
        spark={
          hours &&
          hours.length > 1 && <Spark label="Failed runs per hour" values={hours.map((h) => h.failed)} colour="failed" />
        }
      />
      <Count
        mark={<Icon name="diff" />}
        label="Changed"
        value={changed.length}
        note={`of ${plural(dags.length, "DAG")}, ${count(overview.dags_paused)} paused`}
        to={{ to: "/dags", search: { sort: "updated" } }}
      />
    </section>
  );
}
