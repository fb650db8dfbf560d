/** The grid of runs by tasks with its tools, the cause on top, and what is selected beside it. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";
import { failures as failuresQuery, grid as gridQuery } from "../../api/queries";
import type { Grid } from "../../api/shapes";
import type { DagDetail } from "../../api/types";
import { useKeys } from "../../app/keys";
import { useMay } from "../../app/me";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { plural } from "../../lib/text";
import { SearchField, Segments, Select } from "../../parts/controls";
import { Go } from "../../parts/go";
import { instanceTo } from "../../parts/links";
import { Answer, Empty, Skeleton } from "../../parts/states";
import { CommandLine, Kbd, UntrustedText } from "../../parts/text";
import { Mark } from "../../state/mark";
import { BY_CODE } from "../../state/states";
import { ClearDialog } from "../run/late-dialogs";
import { TaskPanel } from "../run/task-panel";
import { GridCanvas } from "./grid";
import { GridTable } from "./grid-table";
import { type Cell, failures, model, nextFailure } from "./model";
import "../dags/dags.css";

const RUNS = ["14", "28", "60", "120", "365"].map((id) => ({ id, label: `${id} runs` }));

export function GridTab({ dag }: { dag: DagDetail }) {
  const [runs] = useParam("runs", "28");
  const [until] = useParam("until");
  const query = useQuery(gridQuery(dag.id, Number(runs) || 28, until || undefined));
  return (
    <Answer of={query} skeleton={<Skeleton rows={16} height={10} />}>
      {(data) =>
        data.runs.length === 0 ? (
          <Empty>
            <b>No runs yet.</b> {dag.paused ? "The DAG is paused." : ""} To start one:
            <div style={{ maxWidth: 480, marginTop: 8 }}>
              <CommandLine text={`wfctl runs trigger ${dag.id} --watch`} />
            </div>
          </Empty>
        ) : (
          <GridView dag={dag} grid={data} />
        )
      }
    </Answer>
  );
}

function GridView({ dag, grid }: { dag: DagDetail; grid: Grid }) {
  const [runs, setRuns] = useParam("runs", "28");
  const [until, setUntil] = useParam("until");
  const [q, setQ] = useParam("q");
  const [only, setOnly] = useParam("state");
  const [open, setOpen] = useParam("open");
  const [as, setAs] = useParam("as");
  const [task, setTask] = useParam("task");
  const [run, setRun] = useParam("run");
  const [clearing, setClearing] = useState(false);
  const operate = useMay("operate");
  const zone = useZone(dag.timezone);
  const navigate = useNavigate();
  const typed = useDeferredValue(q);
  const closed = useMemo(() => new Set(open.split(",").filter(Boolean)), [open]);
  const made = useMemo(
    () => model(grid, { closed, q: typed, failedOnly: only === "failed" }),
    [grid, closed, typed, only],
  );
  const selected = useMemo<Cell | undefined>(() => {
    const row = made.rows.findIndex((r) => r.id === task);
    const col = made.runs.findIndex((r) => r.id === run);
    return row >= 0 && col >= 0 ? { row, col } : undefined;
  }, [made, task, run]);
  const select = (cell: Cell | undefined) => {
    setTask(cell ? (made.rows[cell.row]?.id ?? "") : "");
    setRun(cell ? (made.runs[cell.col]?.id ?? "") : "");
  };
  const chosenRun = selected && made.runs[selected.col];
  const chosenRow = selected && made.rows[selected.row];
  const isTask = chosenRow?.kind === "task";
  const openCell = (cell: Cell) => {
    const at = made.rows[cell.row];
    const of = made.runs[cell.col];
    if (!at || !of) return;
    const target = instanceTo({ dag: dag.id, run: of.id, task: at.id, index: 0, mapped: at.sum });
    void navigate(target as never);
  };
  const step = (by: number, axis: "row" | "col") => {
    const last = { row: made.rows.length - 1, col: made.runs.length - 1 };
    if (!selected) return select({ row: 0, col: last.col });
    select({ ...selected, [axis]: Math.min(last[axis], Math.max(0, selected[axis] + by)) });
  };
  const failed = useMemo(() => failures(made).length, [made]);
  useKeys({
    f: () => select(nextFailure(made, selected, 1) ?? selected),
    F: () => select(nextFailure(made, selected, -1) ?? selected),
    j: () => step(1, "row"),
    k: () => step(-1, "row"),
    "[": () => step(-1, "col"),
    "]": () => step(1, "col"),
    l: selected && isTask ? () => openCell(selected) : undefined,
    r: operate && isTask ? () => setClearing(true) : undefined,
    Escape: selected ? () => select(undefined) : undefined,
  });
  const toggle = (group: string) => {
    const next = new Set(closed);
    if (!next.delete(group)) next.add(group);
    setOpen([...next].sort().join(","));
  };
  const panel = chosenRun && isTask;
  return (
    <div className={panel ? "work with" : "work"}>
      <div className="col">
        <CauseLine dag={dag.id} />
        <div className="tools">
          <SearchField label="Filter tasks" value={q} onChange={(v) => setQ(v)} width={200} />
          <Select label="How many runs" value={runs} options={RUNS} onChange={(v) => setRuns(v)} />
          <Segments
            label="Tasks"
            value={only}
            options={[
              { id: "", label: "All" },
              { id: "failed", label: `Failed ${failed || ""}` },
            ]}
            onChange={(v) => setOnly(v)}
          />
          {until && (
            <button type="button" className="btn" onClick={() => setUntil("", true)}>
              Now
            </button>
          )}
          {grid.next && (
            <button type="button" className="btn" onClick={() => setUntil(grid.next ?? "", true)}>
              Earlier runs
            </button>
          )}
          <span className="sp" />
          <span className="mut t12 wide">
            Failure <Kbd>f</Kbd>
          </span>
          <Segments
            small
            label="Shown as"
            value={as}
            options={[
              { id: "", label: "Grid" },
              { id: "table", label: "Table" },
            ]}
            onChange={(v) => setAs(v)}
          />
        </div>
        {made.rows.length === 0 ? (
          <Empty>
            No task matches.{" "}
            <button
              type="button"
              className="btn sm"
              onClick={() => {
                setQ("");
                setOnly("");
              }}
            >
              Show all {grid.rows.length}
            </button>
          </Empty>
        ) : as === "table" ? (
          <GridTable dag={dag.id} model={made} zone={zone} />
        ) : (
          <GridCanvas
            model={made}
            zone={zone}
            selected={selected}
            onSelect={select}
            onOpen={openCell}
            onToggle={toggle}
            onRun={(col) => {
              const to = made.runs[col];
              if (to) {
                void navigate({
                  to: "/dags/$dag/runs/$run/$tab",
                  params: { dag: dag.id, run: to.id, tab: "overview" },
                });
              }
            }}
          />
        )}
      </div>
      {panel && (
        <aside aria-label="Selected instance">
          <TaskPanel
            key={`${chosenRun.id} ${chosenRow.id}`}
            run={{ id: chosenRun.id, dag: dag.id, version: chosenRun.version, logical_date: chosenRun.logical_date }}
            task={chosenRow.id}
            state={chosenRow.sum ? undefined : BY_CODE[made.codes[selected.col]?.[selected.row] ?? 0]}
            onClose={() => select(undefined)}
          />
        </aside>
      )}
      {clearing && chosenRun && chosenRow && (
        <ClearDialog
          run={{ id: chosenRun.id, dag: dag.id, version: chosenRun.version }}
          tasks={[chosenRow.id]}
          onClose={() => setClearing(false)}
        />
      )}
    </div>
  );
}

function CauseLine({ dag }: { dag: string }) {
  const query = useQuery(failuresQuery("7d", dag));
  const groups = query.data?.groups ?? [];
  const top = groups[0];
  if (!top) return null;
  return (
    <Go target={instanceTo(top.newest, "logs", top.newest.attempt)} className="note-bar">
      <Mark state="failed" />
      <span className="m el">
        <UntrustedText>{top.message}</UntrustedText>
      </span>
      <span className="mut el wide">
        <UntrustedText max={60}>{top.newest.task}</UntrustedText>, {plural(top.attempts, "attempt")}
        {top.first_seen ? `, first seen in version ${top.first_seen.version}` : ""}
      </span>
      <span className="sp" />
      {groups.length > 1 && <span className="mut nw wide">{plural(groups.length - 1, "other cause")} in 7 days</span>}
    </Go>
  );
}
