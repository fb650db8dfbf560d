/** The Gantt of one of the DAG's runs, the newest first. */
import type { DagDetail } from "../../api/types";
import { RunLink } from "../../parts/links";
import { Empty, Skeleton } from "../../parts/states";
import { Badge } from "../../state/mark";
import { runMark } from "../../state/states";
import { Overview } from "../run/overview";
import { RunSelect, useRunChoice } from "./run-choice";
import "../dags/dags.css";

export function GanttTab({ dag }: { dag: DagDetail }) {
  const { run, runs, choose, pending } = useRunChoice(dag.id);
  if (pending) return <Skeleton rows={12} height={14} />;
  if (!run) return <Empty>No runs yet.</Empty>;
  return (
    <>
      <div className="tools">
        <RunSelect runs={runs} run={run} choose={choose} zone={dag.timezone ?? null} />
        <Badge state={runMark(run.state)} />
        <span className="sp" />
        <RunLink dag={dag.id} run={run.id} className="btn">
          Open the run
        </RunLink>
      </div>
      <Overview key={run.id} run={run} />
    </>
  );
}
