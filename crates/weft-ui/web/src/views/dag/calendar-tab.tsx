/** Years of days: each the worst of its runs, success by how many. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { runs as runsQuery } from "../../api/queries";
import type { DagDetail, Run } from "../../api/types";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { plural } from "../../lib/text";
import { date, ms } from "../../lib/time";
import { NextPage } from "../../parts/controls";
import { Answer, Box, Empty, Skeleton } from "../../parts/states";
import { MarkShape } from "../../state/mark";
import type { RunState } from "../../state/states";
import { RunTable } from "../runs/run-table";

const CELL = 18;
const ORDER: RunState[] = ["failed", "running", "queued", "cancelled", "success"];
const DAY = 86_400_000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export function CalendarTab({ dag }: { dag: DagDetail }) {
  const query = useInfiniteQuery(runsQuery({ dag: dag.id }, 500));
  const zone = useZone(dag.timezone);
  const [day, setDay] = useParam("month");
  const byDay = useMemo(() => {
    const out = new Map<string, Run[]>();
    for (const run of query.data?.pages.flatMap((page) => page.items) ?? []) {
      const key = date(ms(run.logical_date) ?? 0, zone);
      const list = out.get(key);
      if (list) list.push(run);
      else out.set(key, [run]);
    }
    return out;
  }, [query.data, zone]);
  const years = [...new Set([...byDay.keys()].map((key) => Number(key.slice(0, 4))))].sort((a, b) => b - a);
  const chosen = day ? (byDay.get(day) ?? []) : [];
  return (
    <div className="body">
      <div className="pad col g16">
        <Answer of={query} skeleton={<Skeleton rows={7} height={14} gap={6} />}>
          {() =>
            years.length === 0 ? (
              <Empty>No runs yet.</Empty>
            ) : (
              <>
                {years.map((year) => (
                  <Box key={year} title={String(year)} note={`by logical date, ${zone}`}>
                    <div
                      className="cal"
                      ref={(element) => {
                        if (element) showNewest(element, year, [...byDay.keys()]);
                      }}
                    >
                      <Year year={year} byDay={byDay} chosen={day} onDay={(d) => setDay(d === day ? "" : d)} />
                    </div>
                  </Box>
                ))}
                <NextPage query={query}>Earlier runs</NextPage>
              </>
            )
          }
        </Answer>
        {day && (
          <Box
            title={day}
            note={plural(chosen.length, "run")}
            actions={
              <Link to="/dags/$dag/trigger" params={{ dag: dag.id }} className="btn sm">
                Trigger…
              </Link>
            }
          >
            <RunTable runs={chosen} withDag={false} />
          </Box>
        )}
      </div>
    </div>
  );
}

const moved = new WeakSet<HTMLElement>();

/** Where a year is wider than its place, its newest runs are seen first. */
function showNewest(element: HTMLElement, year: number, keys: readonly string[]): void {
  const last = keys
    .filter((key) => key.startsWith(`${year}-`))
    .sort()
    .at(-1);
  if (!last || moved.has(element)) return;
  moved.add(element);
  const share = (Date.parse(last) - Date.UTC(year, 0, 1)) / (366 * DAY);
  element.scrollLeft = share * element.scrollWidth - element.clientWidth + 3 * CELL;
}

interface YearProps {
  year: number;
  byDay: ReadonlyMap<string, Run[]>;
  chosen: string;
  onDay: (day: string) => void;
}

function Year({ year, byDay, chosen, onDay }: YearProps) {
  const start = Date.UTC(year, 0, 1);
  const days = (Date.UTC(year + 1, 0, 1) - start) / DAY;
  // Monday first.
  const shift = (new Date(start).getUTCDay() + 6) % 7;
  const width = 36 + Math.ceil((days + shift) / 7) * CELL;
  return (
    <svg width={width} height={7 * CELL + 20} fontSize="12" role="group" aria-label={`Days of ${year}`}>
      {["Mon", "Wed", "Fri"].map((name, i) => (
        <text key={name} x="0" y={20 + i * 2 * CELL + 13} fill="var(--muted)">
          {name}
        </text>
      ))}
      {MONTHS.map((name, m) => {
        const at = (Date.UTC(year, m, 1) - start) / DAY + shift;
        return (
          <text key={name} x={36 + Math.ceil(at / 7) * CELL} y="12" fill="var(--muted)">
            {name}
          </text>
        );
      })}
      {Array.from({ length: days }, (_, i) => {
        const key = new Date(start + i * DAY).toISOString().slice(0, 10);
        const runs = byDay.get(key);
        const x = 36 + Math.floor((i + shift) / 7) * CELL;
        const y = 20 + ((i + shift) % 7) * CELL;
        if (!runs)
          return <rect key={key} x={x + 1} y={y + 1} width={CELL - 2} height={CELL - 2} rx="3" fill="var(--s3)" />;
        const state = ORDER.find((s) => runs.some((run) => run.state === s)) ?? "success";
        const words = `${key}: ${plural(runs.length, "run")}, ${runs.filter((r) => r.state === "failed").length} failed`;
        return (
          <g
            key={key}
            role="button"
            tabIndex={0}
            aria-label={words}
            aria-pressed={key === chosen}
            className="day"
            onClick={() => onDay(key)}
            onKeyDown={(e) => e.key === "Enter" && onDay(key)}
          >
            <title>{words}</title>
            <rect x={x + 1} y={y + 1} width={CELL - 2} height={CELL - 2} rx="3" fill="var(--s3)" />
            <MarkShape state={state === "queued" ? "pending" : state} x={x + 1} y={y + 1} w={16} h={16} quiet />
            {key === chosen && (
              <rect x={x} y={y} width={CELL} height={CELL} rx="4" fill="none" stroke="var(--text)" strokeWidth="2" />
            )}
          </g>
        );
      })}
    </svg>
  );
}
