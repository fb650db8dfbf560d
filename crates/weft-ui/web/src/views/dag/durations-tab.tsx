/** Durations over time: outliers and versions marked, and each task's own trend. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { durations as durationsQuery } from "../../api/queries";
import type { Durations } from "../../api/shapes";
import type { DagDetail } from "../../api/types";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { dateTime, duration, ms } from "../../lib/time";
import { Select } from "../../parts/controls";
import { Spark } from "../../parts/spark";
import { Answer, Box, Empty, Skeleton } from "../../parts/states";
import { UntrustedText } from "../../parts/text";
import { useWidth } from "../../parts/width";
import { COLOUR } from "../../state/glyphs";
import { runMark } from "../../state/states";
import { median } from "../dags/filter";
import { roundSpan } from "./axis";
import "../dags/dags.css";

const HEIGHT = 260;
const LEFT = 72;
const TOP = 24;
const BOTTOM = 232;
/** An outlier takes more than this many times the median. */
const OUTLIER = 1.5;

const COUNTS = ["25", "50", "100", "200"].map((id) => ({ id, label: `${id} runs` }));

export function DurationsTab({ dag }: { dag: DagDetail }) {
  const [count, setCount] = useParam("runs", "50");
  const query = useQuery(durationsQuery(dag.id, Number(count) || 50));
  return (
    <>
      <div className="tools">
        <Select label="How many runs" value={count} options={COUNTS} onChange={(v) => setCount(v)} />
      </div>
      <div className="body">
        <div className="pad col g16">
          <Answer of={query} skeleton={<Skeleton rows={8} />}>
            {(data) =>
              data.runs.some((r) => r.duration_ms) ? (
                <>
                  <Runs dag={dag} runs={[...data.runs].reverse()} />
                  {data.tasks && data.tasks.length > 0 && <Tasks tasks={data.tasks} />}
                </>
              ) : (
                <Empty>No run has ended yet.</Empty>
              )
            }
          </Answer>
        </div>
      </div>
    </>
  );
}

function Runs({ dag, runs }: { dag: DagDetail; runs: Durations["runs"] }) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const zone = useZone(dag.timezone);
  const navigate = useNavigate();
  const values = runs.flatMap((r) => (r.duration_ms ? [r.duration_ms] : []));
  const middle = median(values) ?? 0;
  const top = roundSpan(Math.max(...values, 1));
  const each = Math.min(28, Math.max(1, (width - LEFT - 24) / Math.max(1, runs.length)));
  const y = (v: number) => BOTTOM - (v / top) * (BOTTOM - TOP);
  const outliers = runs.filter((r) => (r.duration_ms ?? 0) > OUTLIER * middle).length;
  return (
    <Box title="Durations of runs" note={`median ${duration(middle)}, ${outliers} over ${OUTLIER} times that`}>
      <div ref={ref}>
        <svg width={width} height={HEIGHT} fontSize="12" role="group" aria-label="Durations of runs">
          {[0, 0.5, 1].map((share) => (
            <g key={share}>
              <path d={`M${LEFT} ${y(top * share) + 0.5}H${width - 24}`} stroke="var(--line)" />
              <text x={LEFT - 8} y={y(top * share) + 4} textAnchor="end" fill="var(--muted)">
                {share === 0 ? "0" : duration(top * share)}
              </text>
            </g>
          ))}
          {runs.map((r, i) => {
            const x = LEFT + i * each;
            const fresh = i > 0 && runs[i - 1]?.version !== r.version;
            const long = (r.duration_ms ?? 0) > OUTLIER * middle;
            const words = `${dateTime(ms(r.logical_date) ?? 0, zone)}: ${r.duration_ms ? duration(r.duration_ms) : "not ended"}, ${r.state}${r.waited_ms ? `, waited ${duration(r.waited_ms)}` : ""}`;
            return (
              <g key={r.id}>
                {(fresh || i === 0) && (
                  <>
                    <path d={`M${Math.round(x) + 0.5} ${TOP - 12}V${BOTTOM}`} stroke="var(--border)" />
                    <text x={x + 4} y={TOP - 4} fill="var(--muted)">
                      v{r.version}
                    </text>
                  </>
                )}
                {r.duration_ms ? (
                  <g
                    role="link"
                    tabIndex={0}
                    aria-label={words}
                    className="day"
                    onClick={() =>
                      void navigate({
                        to: "/dags/$dag/runs/$run/$tab",
                        params: { dag: dag.id, run: r.id, tab: "overview" },
                      })
                    }
                    onKeyDown={(e) =>
                      e.key === "Enter" &&
                      void navigate({
                        to: "/dags/$dag/runs/$run/$tab",
                        params: { dag: dag.id, run: r.id, tab: "overview" },
                      })
                    }
                  >
                    <title>{words}</title>
                    <rect
                      x={x + 1}
                      y={y(r.duration_ms)}
                      width={Math.max(2, Math.min(24, each - 2))}
                      height={Math.max(1, BOTTOM - y(r.duration_ms))}
                      fill={`var(--${r.state === "success" ? (long ? "text" : "border") : COLOUR[runMark(r.state)]})`}
                    />
                  </g>
                ) : null}
              </g>
            );
          })}
          <path d={`M${LEFT} ${y(middle) + 0.5}H${width - 24}`} stroke="var(--text)" strokeDasharray="2 3" />
        </svg>
      </div>
    </Box>
  );
}

function Tasks({ tasks }: { tasks: NonNullable<Durations["tasks"]> }) {
  const rows = tasks
    .map((t) => {
      const values = t.durations_ms.filter((v): v is number => v !== null);
      return { task: t.task, all: [...t.durations_ms].reverse(), median: median(values) ?? 0, last: values[0] ?? 0 };
    })
    .filter((r) => r.median > 0)
    .sort((a, b) => b.median - a.median);
  return (
    <Box title="By task" note="longest first">
      <table className="tbl tight">
        <thead>
          <tr>
            <th>Task</th>
            <th>Over these runs</th>
            <th className="r">Median</th>
            <th className="r">Last</th>
            <th className="r">Last to median</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, 200).map((r) => (
            <tr key={r.task}>
              <td className="grow">
                <UntrustedText>{r.task}</UntrustedText>
              </td>
              <td>
                <Spark values={r.all.map((v) => v ?? 0)} width={200} height={18} label={`Durations of ${r.task}`} />
              </td>
              <td className="r">{duration(r.median)}</td>
              <td className="r">{duration(r.last)}</td>
              <td className={r.last > OUTLIER * r.median ? "r m" : "r mut"}>{(r.last / r.median).toFixed(2)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Box>
  );
}
