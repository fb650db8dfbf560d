/** The graph of a run's version with the states of the run, and its critical path. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { bars as barsQuery, dag as dagQuery, layout as layoutQuery } from "../../api/queries";
import type { Layout } from "../../api/shapes";
import type { Run, TaskSummary } from "../../api/types";
import { criticalPath, spans } from "../../lib/critical";
import { count } from "../../lib/text";
import { duration } from "../../lib/time";
import { addCounts, groupOf } from "../../lib/tree";
import { Graph, isGroup, type NodeInfo } from "../../parts/graph";
import { Answer, Skeleton } from "../../parts/states";
import { ended, worst } from "../../state/states";

interface Props {
  run: Run;
  tasks: readonly TaskSummary[];
  selected: string;
  onSelect: (task: string) => void;
  open?: string;
  onGroup?: (group: string, open: boolean) => void;
  head?: boolean;
}

export function RunGraph({ run, tasks, selected, onSelect, open, onGroup, head = true }: Props) {
  const query = useQuery(layoutQuery(run.dag, run.version, open));
  const detail = useQuery(dagQuery(run.dag));
  const attempts = useQuery(barsQuery(run.id));
  const byTask = useMemo(() => new Map(tasks.map((t) => [t.task, t])), [tasks]);
  const took = useMemo(() => spans(attempts.data?.items ?? []), [attempts.data]);
  const critical = useMemo(() => new Set(criticalPath(detail.data?.edges ?? [], took)), [detail.data, took]);
  const info = (node: Layout["nodes"][number]): NodeInfo => {
    if (isGroup(node)) {
      const mine = tasks.filter((t) => `${groupOf(t.task)}.`.startsWith(`${node.id}.`));
      return {
        state: worst(addCounts(mine.map((t) => t.counts))) ?? "waiting",
        note: count(node.tasks ?? mine.length),
      };
    }
    const task = byTask.get(node.id);
    if (!task) return { state: "none" };
    const state = worst(task.counts) ?? "waiting";
    const span = took.get(node.id);
    const note = task.mapped
      ? state === "running"
        ? `${count(ended(task.counts))} of ${count(task.instances)}`
        : `× ${count(task.instances)}`
      : span && span.to !== undefined
        ? duration(span.to - span.from)
        : "";
    return { state, note };
  };
  return (
    <>
      {head && (
        <div className="th graph-head">
          <h2>Graph</h2>
          {critical.size > 1 && <span className="mut">critical path bold</span>}
        </div>
      )}
      <Answer of={query} skeleton={<Skeleton rows={5} height={36} />}>
        {(data) => (
          <Graph
            layout={data}
            info={info}
            selected={selected}
            critical={critical}
            onSelect={onSelect}
            {...(onGroup ? { onGroup } : {})}
          />
        )}
      </Answer>
    </>
  );
}
