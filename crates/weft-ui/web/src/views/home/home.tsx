/** Home: five counts, health in one line, failures by cause, what runs, what comes next, what changed. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { dags, failures, overview } from "../../api/queries";
import { Head } from "../../app/head";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { useMinute } from "../../lib/clock";
import { dateTime } from "../../lib/time";
import { Segments } from "../../parts/controls";
import { Answer, Skeleton } from "../../parts/states";
import { Welcome } from "../welcome/welcome";
import { Causes } from "./causes";
import { Counts } from "./counts";
import { Health } from "./health";
import { Hours } from "./hours";
import { Changed, Next, Running } from "./lists";
import { People } from "./people";
import "./home.css";

const SPANS = [
  { id: "1h", label: "1 h" },
  { id: "24h", label: "24 h" },
  { id: "7d", label: "7 d" },
] as const;

const MS: Record<string, number> = { "1h": 3_600_000, "24h": 86_400_000, "7d": 7 * 86_400_000 };

export function Home() {
  const [since, setSince] = useParam("since", "24h");
  const list = useQuery(dags);
  const summary = useQuery(overview(since));
  const causes = useQuery(failures(since));
  const zone = useZone();
  const now = useMinute();
  const from = useMemo(() => now - (MS[since] ?? MS["24h"] ?? 0), [now, since]);
  if (list.data?.length === 0) return <Welcome />;
  return (
    <>
      <Head
        title="Home"
        actions={
          <>
            <span className="mut wide">since {dateTime(from, zone)}</span>
            <Segments label="Since" value={since} options={SPANS} onChange={(v) => setSince(v, true)} />
          </>
        }
      />
      <div className="body">
        <div className="pad home">
          <Answer of={summary} skeleton={<div className="box counts sk-counts" role="status" aria-label="Loading" />}>
            {(o) => (
              <>
                <Counts overview={o} dags={list.data ?? []} causes={causes.data} from={from} />
                <Health health={o.health} />
                <People />
              </>
            )}
          </Answer>
          <div className="home-cols">
            <div className="col g16">
              <Answer
                of={causes}
                skeleton={
                  <div className="box">
                    <Skeleton rows={5} height={28} />
                  </div>
                }
              >
                {(f) => <Causes failures={f} />}
              </Answer>
              {summary.data?.hours && summary.data.hours.length > 1 && <Hours hours={summary.data.hours} />}
            </div>
            <div className="col g16">
              <Running />
              <Next dags={list.data ?? []} />
              <Changed dags={list.data ?? []} from={from} />
            </div>
          </div>
        </div>
      </div>
    </>
  );
}
