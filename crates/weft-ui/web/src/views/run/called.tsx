/** The runs that called each other: the run that began it, and below each run what it called. */
import { useQuery } from "@tanstack/react-query";
import { memo, useMemo } from "react";
import { tree as treeQuery } from "../../api/queries";
import type { Run, RunTree, TreeRun } from "../../api/types";
import { useParam } from "../../app/search";
import { type CallRow, callRows, matching } from "../../lib/call-tree";
import { count, plural } from "../../lib/text";
import { Segments } from "../../parts/controls";
import { Icon } from "../../parts/icons";
import { InstanceLink, InstanceName, RunLink } from "../../parts/links";
import { useRows } from "../../parts/rows";
import { Answer, Empty, Skeleton } from "../../parts/states";
import { Time, Took, UntrustedText } from "../../parts/text";
import { WindowRows } from "../../parts/window-rows";
import { Mark } from "../../state/mark";
import { NAME, runMark } from "../../state/states";
import { useClosed } from "./closed";
import "../dags/dags.css";

const STATES = [
  { id: "", label: "All" },
  { id: "running", label: "Running" },
  { id: "failed", label: "Failed" },
] as const;

/** Deeper rows are indented no further, so that names stay in sight. */
const MAX_INDENT = 12;
const INDENT_PX = 16;

export function Called({ run }: { run: Run }) {
  const query = useQuery(treeQuery(run.id));
  return (
    <Answer of={query} skeleton={<Skeleton rows={14} height={16} />}>
      {(tree) =>
        tree.runs.length > 1 ? (
          <Tree run={run} tree={tree} />
        ) : (
          <Empty>
            <b>This run called no other run</b>
            {run.called_by ? ", and the run that called it is gone." : ", and no other run called it."}
          </Empty>
        )
      }
    </Answer>
  );
}

function Tree({ run, tree }: { run: Run; tree: RunTree }) {
  const [state, setState] = useParam("state");
  const [closed, toggle] = useClosed();
  const rows = useMemo(() => callRows(matching(tree.runs, state), closed), [tree, state, closed]);
  const byId = useMemo(() => new Map(tree.runs.map((r) => [r.id, r])), [tree]);
  const mapped = useMemo(() => mappedCallers(tree.runs), [tree]);
  const mark = useRows(rows.length);
  return (
    <>
      <div className="tools">
        <Segments label="State" value={state} options={STATES} onChange={(v) => setState(v, true)} />
        <span className="mut">
          {summary(tree.runs)}
          {tree.truncated && `; this tree has more than the ${count(tree.runs.length)} runs that are shown`}
        </span>
      </div>
      <div className="body">
        {rows.length === 0 ? (
          <Empty>
            No run of this tree is {state}.{" "}
            <button type="button" className="btn sm" onClick={() => setState("")}>
              Show all
            </button>
          </Empty>
        ) : (
          <table className="tbl dags" aria-label="Called runs" aria-rowcount={rows.length + 1}>
            <thead>
              <tr>
                <th>Run of</th>
                <th>Called by</th>
                <th className="r wide">Started</th>
                <th className="r">Took</th>
                <th className="wide mid">Run id</th>
              </tr>
            </thead>
            <WindowRows
              count={rows.length}
              row={(i) => {
                const row = rows[i];
                if (!row) return null;
                const caller = row.run.called_by && byId.get(row.run.called_by.run);
                return (
                  <Row
                    key={row.run.id}
                    row={row}
                    at={i}
                    here={row.run.id === run.id}
                    callerDag={caller?.dag}
                    mapped={mapped.has(callerOf(row.run))}
                    onToggle={toggle}
                    mark={mark(i)}
                  />
                );
              }}
            />
          </table>
        )}
      </div>
    </>
  );
}

const callerOf = ({ called_by: by }: TreeRun) => (by ? `${by.run} ${by.task}` : "");

/** The tasks of which an instance other than the first one called a run: only mapped tasks have those. */
const mappedCallers = (runs: readonly TreeRun[]): ReadonlySet<string> =>
  new Set(runs.filter((run) => (run.called_by?.index ?? 0) > 0).map(callerOf));

/** `12 runs, 1 failed, 3 have not ended`. */
function summary(runs: readonly TreeRun[]): string {
  const failed = runs.filter((r) => r.state === "failed").length;
  const active = runs.filter((r) => r.state === "running" || r.state === "queued").length;
  return [
    plural(runs.length, "run"),
    failed > 0 ? `${count(failed)} failed` : "",
    active > 0 ? `${count(active)} ${active === 1 ? "has" : "have"} not ended` : "",
  ]
    .filter(Boolean)
    .join(", ");
}

interface RowProps {
  row: CallRow;
  at: number;
  /** It is the run of this page. */
  here: boolean;
  /** The DAG of its caller, if that is in the tree. */
  callerDag: string | undefined;
  mapped: boolean;
  onToggle: (run: string) => void;
  mark: object;
}

const Row = memo(function Row({ row, at, here, callerDag, mapped, onToggle, mark }: RowProps) {
  const { run, depth, open, below } = row;
  const state = runMark(run.state);
  return (
    <tr className="link" aria-rowindex={at + 2} {...(here ? { "aria-current": "true" } : {})}>
      <td {...mark} className={here ? "grow cur" : "grow"}>
        <span className="row g8" style={{ paddingLeft: Math.min(depth, MAX_INDENT) * INDENT_PX }}>
          {open === undefined ? (
            <span className="fold" />
          ) : (
            <button
              type="button"
              className="fold"
              aria-expanded={open}
              aria-label={`Runs that ${run.dag} called`}
              onClick={() => onToggle(run.id)}
            >
              <Icon name={open ? "down" : "right"} size={12} />
            </button>
          )}
          <Mark state={state} label={NAME[state]} />
          <RunLink dag={run.dag} run={run.id} tab="tree" className={here ? "m lk el" : "lk el"}>
            <UntrustedText>{run.dag}</UntrustedText>
          </RunLink>
          {here && <span className="tag wide">this run</span>}
          {open === false && (
            <span className="mut t12 nw">
              {plural(below.runs, "run")} below
              {below.active > 0 && `, ${count(below.active)} not ended`}
            </span>
          )}
          {open === false && below.failed > 0 && <span className="st-failed t12 nw">{count(below.failed)} failed</span>}
        </span>
      </td>
      <td className="mut">{run.called_by && <Caller by={run.called_by} dag={callerDag} mapped={mapped} />}</td>
      <td className="r mut wide">
        <Time at={run.started ?? run.created} form="short" />
      </td>
      <td className="r">
        <Took from={run.started} to={run.ended} />
      </td>
      <td className="wide mid mut">
        <code>{run.id}</code>
      </td>
    </tr>
  );
});

interface CallerProps {
  by: NonNullable<TreeRun["called_by"]>;
  /** The DAG of its run; undefined if that is gone. */
  dag: string | undefined;
  mapped?: boolean;
}

/** The task instance that called a run; without a link if its run is gone. */
export function Caller({ by, dag, mapped }: CallerProps) {
  return dag === undefined ? (
    <InstanceName {...by} mapped={mapped} />
  ) : (
    <InstanceLink {...by} dag={dag} mapped={mapped} />
  );
}
