/** The graph of a run with its states, or of any version without. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { layout as layoutQuery, tasks as tasksQuery, versions as versionsQuery } from "../../api/queries";
import type { DagDetail, Run } from "../../api/types";
import { useParam } from "../../app/search";
import { groupsOf } from "../../lib/tree";
import { Select } from "../../parts/controls";
import { Graph } from "../../parts/graph";
import { Answer, Empty, Skeleton } from "../../parts/states";
import { Badge } from "../../state/mark";
import { runMark } from "../../state/states";
import { RunGraph } from "../run/run-graph";
import { TaskPanel } from "../run/task-panel";
import { RunSelect, useRunChoice } from "./run-choice";
import "../dags/dags.css";

/** Without a choice the server opens what is readable; a choice names the open groups. */
function useOpenGroups(dag: DagDetail): [string | undefined, (group: string, open: boolean) => void] {
  const [open, setOpen] = useParam("open");
  const all = useMemo(() => groupsOf(dag.tasks.map((t) => t.id)), [dag.tasks]);
  const set = (group: string, on: boolean) => {
    const now = new Set(open ? open.split(",").filter((g) => g !== "-") : all);
    if (on) now.add(group);
    else for (const g of [...now]) if (g === group || g.startsWith(`${group}.`)) now.delete(g);
    setOpen([...now].sort().join(",") || "-");
  };
  return [open ? open.replace(/^-$/, "") : undefined, set];
}

export function GraphTab({ dag }: { dag: DagDetail }) {
  const { run, runs, choose, pending } = useRunChoice(dag.id);
  const [version, setVersion] = useParam("version");
  const [task, setTask] = useParam("task");
  const [open, onGroup] = useOpenGroups(dag);
  const versions = useQuery(versionsQuery(dag.id));
  const shown = Number(version) || undefined;
  if (pending) return <Skeleton rows={6} height={36} />;
  const bare = shown ?? (run ? undefined : (dag.version ?? undefined));
  return (
    <div className={task && run && !bare ? "work with" : "work"}>
      <div className="col">
        <div className="tools">
          {run && <RunSelect runs={runs} run={run} choose={choose} zone={dag.timezone ?? null} />}
          {run && !bare && <Badge state={runMark(run.state)} />}
          <Select
            label="Version"
            value={version}
            options={[
              { id: "", label: run ? `Version ${run.version}, of the run` : "Active version" },
              ...(versions.data ?? []).map((v) => ({
                id: String(v.number),
                label: `Version ${v.number}${v.active ? ", active" : ""}`,
              })),
            ]}
            onChange={(v) => setVersion(v, true)}
          />
        </div>
        {bare ? (
          <Bare dag={dag.id} version={bare} open={open} onGroup={onGroup} selected={task} onSelect={setTask} />
        ) : run ? (
          <OfRun run={run} open={open} onGroup={onGroup} selected={task} onSelect={setTask} />
        ) : (
          <Empty>No version is active.</Empty>
        )}
      </div>
      {task && run && !bare && (
        <aside aria-label="Selected task">
          <TaskPanel key={`${run.id} ${task}`} run={run} task={task} onClose={() => setTask("")} />
        </aside>
      )}
    </div>
  );
}

interface GraphProps {
  open: string | undefined;
  onGroup: (group: string, open: boolean) => void;
  selected: string;
  onSelect: (task: string) => void;
}

function OfRun({ run, open, onGroup, selected, onSelect }: GraphProps & { run: Run }) {
  const query = useQuery(tasksQuery(run.id));
  return (
    <Answer of={query} skeleton={<Skeleton rows={6} height={36} />}>
      {(tasks) => (
        <RunGraph
          run={run}
          tasks={tasks}
          selected={selected}
          onSelect={onSelect}
          onGroup={onGroup}
          head={false}
          {...(open !== undefined ? { open } : {})}
        />
      )}
    </Answer>
  );
}

function Bare({ dag, version, open, onGroup, selected, onSelect }: GraphProps & { dag: string; version: number }) {
  const query = useQuery(layoutQuery(dag, version, open));
  return (
    <Answer of={query} skeleton={<Skeleton rows={6} height={36} />}>
      {(data) => (
        <Graph
          layout={data}
          info={() => ({ state: "none" })}
          selected={selected}
          onSelect={onSelect}
          onGroup={onGroup}
        />
      )}
    </Answer>
  );
}
