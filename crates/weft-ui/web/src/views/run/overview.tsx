/** A run's tasks as a tree, its Gantt in the same rows, and the graph or what is selected beside them. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import {
  bars as barsQuery,
  dag as dagQuery,
  durations as durationsQuery,
  tasks as tasksQuery,
} from "../../api/queries";
import type { AttemptBar } from "../../api/shapes";
import type { Run, TaskSummary } from "../../api/types";
import { useKeys } from "../../app/keys";
import { useMay } from "../../app/me";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { useNow } from "../../lib/clock";
import { median } from "../../lib/median";
import { count } from "../../lib/text";
import { ms } from "../../lib/time";
import { treeRows } from "../../lib/tree";
import { instanceTo } from "../../parts/links";
import { Answer, Skeleton } from "../../parts/states";
import { useSize } from "../../parts/width";
import { ended, isEnded, total } from "../../state/states";
import { BulkBar } from "./bulk";
import { useClosed } from "./closed";
import { Axis, Grid, Lane, Legend, type Scale } from "./gantt";
import { RunGraph } from "./run-graph";
import { TaskPanel } from "./task-panel";
import { TreeCell } from "./tree-cell";
import { WhyRun } from "./why-run";

const ROW = 28;
/** Space beside the last bar, in px. */
const END = 16;

export function Overview({ run }: { run: Run }) {
  const summaries = useQuery(tasksQuery(run.id));
  return (
    <>
      <WhyRun run={run} tasks={summaries.data ?? []} />
      <Answer of={summaries} skeleton={<Skeleton rows={14} height={14} />}>
        {(tasks) => <Lanes run={run} tasks={tasks} />}
      </Answer>
    </>
  );
}

function Lanes({ run, tasks }: { run: Run; tasks: readonly TaskSummary[] }) {
  const detail = useQuery(dagQuery(run.dag));
  const attempts = useQuery(barsQuery(run.id));
  const [selected, select] = useParam("task");
  const [closed, toggle] = useClosed();
  const zone = useZone(detail.data?.timezone);
  const [axisRef, size] = useSize<HTMLDivElement>();
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useMemo(
    () =>
      treeRows(
        tasks.map((t) => t.task),
        closed,
      ),
    [tasks, closed],
  );
  const byTask = useMemo(() => {
    const out = new Map<string, AttemptBar[]>();
    for (const attempt of attempts.data?.items ?? []) {
      const list = out.get(attempt.task);
      if (list) list.push(attempt);
      else out.set(attempt.task, [attempt]);
    }
    return out;
  }, [attempts.data]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 8,
  });
  const operate = useMay("operate");
  const [pick, setPick] = useParam("pick");
  const [choosing, setChoosing] = useState(pick !== "");
  const picked = useMemo(() => new Set(pick.split(",").filter(Boolean)), [pick]);
  const pickTasks = (names: readonly string[], on: boolean) => {
    const next = new Set(picked);
    for (const name of names)
      if (on) next.add(name);
      else next.delete(name);
    setPick([...next].join(","));
  };
  const medians = useMedians(run);
  const scale = useScale(run, attempts.data?.items ?? [], size.width);
  useTreeKeys(run, rows, tasks, selected, select, (i) => virtual.scrollToIndex(i));
  const all = tasks.reduce((sum, t) => sum + total(t.counts), 0);
  const done = tasks.reduce((sum, t) => sum + ended(t.counts), 0);
  return (
    <>
      <Legend />
      <div className="three">
        <div className="left">
          <div className="thead">
            <div className="th">
              <h2>Tasks</h2>
              <span className="mut">
                {count(tasks.length)}, {count(done)} of {count(all)} ended
              </span>
              {operate && (
                <>
                  <span className="sp" />
                  <button
                    type="button"
                    className="btn ghost sm"
                    aria-pressed={choosing}
                    onClick={() => {
                      setChoosing(!choosing);
                      setPick("");
                    }}
                  >
                    Choose
                  </button>
                </>
              )}
            </div>
            <div className="th axis" ref={axisRef}>
              <Axis scale={scale} zone={zone} />
            </div>
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable */}
          <section className="rows" ref={scroller} aria-label="Tasks" tabIndex={0}>
            <div style={{ height: virtual.getTotalSize() }}>
              <div className="under">
                <Grid
                  scale={scale}
                  height={Math.max(virtual.getTotalSize(), size.height)}
                  running={!isEnded(run.state)}
                />
              </div>
              {virtual.getVirtualItems().map((item) => {
                const row = rows[item.index];
                if (!row) return null;
                const mine = row.tasks.flatMap((i) => tasks[i] ?? []);
                return (
                  <div
                    key={row.kind + row.id}
                    className={row.id === selected && row.kind === "task" ? "tr on" : "tr"}
                    style={{ transform: `translateY(${item.start}px)` }}
                  >
                    <TreeCell
                      row={row}
                      tasks={mine}
                      selected={row.id === selected}
                      picked={choosing ? mine.every((t) => picked.has(t.task)) : undefined}
                      onPick={(on) =>
                        pickTasks(
                          mine.map((t) => t.task),
                          on,
                        )
                      }
                      onToggle={() => toggle(row.id)}
                      onSelect={() => select(row.id === selected ? "" : row.id)}
                    />
                    <div className="lane">
                      <Lane
                        attempts={mine.flatMap((t) => byTask.get(t.task) ?? [])}
                        scale={scale}
                        sum={row.kind === "group"}
                        median={row.kind === "task" ? medians.get(row.id) : undefined}
                      />
                    </div>
                  </div>
                );
              })}
            </div>
          </section>
          {choosing && (
            <BulkBar
              run={run}
              tasks={tasks.filter((t) => picked.has(t.task))}
              failed={tasks.filter((t) => t.counts.failed > 0).map((t) => t.task)}
              onPick={(names) => setPick(names.join(","))}
            />
          )}
        </div>
        <aside className="right" aria-label={selected ? "Selected task" : "Graph"}>
          {selected && tasks.some((t) => t.task === selected) ? (
            <TaskPanel run={run} task={selected} onClose={() => select("")} />
          ) : (
            <RunGraph run={run} tasks={tasks} selected={selected} onSelect={select} />
          )}
        </aside>
      </div>
    </>
  );
}

/** How long each task took in the runs before this one, in the middle. */
function useMedians(run: Run): ReadonlyMap<string, number> {
  const query = useQuery(durationsQuery(run.dag, 50));
  return useMemo(() => {
    const { runs, tasks } = query.data ?? { runs: [], tasks: [] };
    const before = runs.map((r) => r.id < run.id);
    const out = new Map<string, number>();
    for (const task of tasks) {
      const value = median(task.durations_ms.filter((d, i): d is number => d !== null && Boolean(before[i])));
      if (value !== undefined) out.set(task.task, value);
    }
    return out;
  }, [query.data, run.id]);
}

/** From the first thing that happened to the last, or now. */
function useScale(run: Run, attempts: readonly AttemptBar[], width: number): Scale {
  const over = isEnded(run.state);
  const present = useNow();
  const now = over ? 0 : present;
  return useMemo(() => {
    let from = ms(run.started) ?? ms(run.created) ?? now;
    let to = ms(run.ended) ?? Math.max(now, from);
    for (const attempt of attempts) {
      from = Math.min(from, ms(attempt.queued) ?? from);
      to = Math.max(to, ms(attempt.ended) ?? to);
    }
    const span = Math.max(1, to - from);
    const usable = Math.max(1, width - END - 12);
    return {
      from,
      to,
      now: now || to,
      width,
      x: (t: number) => 12 + ((t - from) / span) * usable,
      least: span / usable,
    };
  }, [run.started, run.created, run.ended, attempts, width, now]);
}

/** `j k` rows, `f F` failures, `l` logs, Enter opens. */
function useTreeKeys(
  run: Run,
  rows: ReturnType<typeof treeRows>,
  tasks: readonly TaskSummary[],
  selected: string,
  select: (task: string) => void,
  show: (index: number) => void,
): void {
  const navigate = useNavigate();
  const places = rows.flatMap((row, i) => (row.kind === "task" ? [{ id: row.id, i, task: row.tasks[0] ?? 0 }] : []));
  const go = (by: number, only?: (t: TaskSummary) => boolean) => {
    const list = places.filter((p) => {
      const task = tasks[p.task];
      return task && (only ? only(task) : true);
    });
    if (list.length === 0) return;
    const here = places.findIndex((p) => p.id === selected);
    const next = only
      ? by > 0
        ? (list.find((p) => places.indexOf(p) > here) ?? list[0])
        : ([...list].reverse().find((p) => places.indexOf(p) < here || here < 0) ?? list.at(-1))
      : list[Math.min(list.length - 1, Math.max(0, here + by))];
    if (!next) return;
    select(next.id);
    show(next.i);
  };
  const failing = (t: TaskSummary) => t.counts.failed > 0;
  const task = tasks.find((t) => t.task === selected);
  const logs = task
    ? () =>
        void navigate(
          instanceTo({ dag: run.dag, run: run.id, task: task.task, index: 0, mapped: task.mapped }, "logs") as never,
        )
    : undefined;
  useKeys({
    j: () => go(1),
    k: () => go(-1),
    f: () => go(1, failing),
    F: () => go(-1, failing),
    l: logs,
    Escape: selected ? () => select("") : undefined,
  });
}
