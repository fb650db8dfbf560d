/** Two runs side by side: states and durations task by task, parameters that differ. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { bars as barsQuery, run as runQuery, runs as runsQuery, tasks as tasksQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { spans } from "../../lib/critical";
import { dateTime, duration, ms } from "../../lib/time";
import { Select } from "../../parts/controls";
import { Icon } from "../../parts/icons";
import { Box, Empty, Skeleton } from "../../parts/states";
import { UntrustedText } from "../../parts/text";
import { Mark } from "../../state/mark";
import { isEnded, NAME, worst } from "../../state/states";
import { TaskDifference } from "./task-difference";
import "../dags/dags.css";

/** Differences under this share are noise and stay grey. */
const NOISE = 0.2;

export function Compare({ run }: { run: Run }) {
  const near = useInfiniteQuery(runsQuery({ dag: run.dag }, 100));
  const others = (near.data?.pages.flatMap((p) => p.items) ?? []).filter((r) => r.id !== run.id);
  const zone = useZone();
  const before = others.find((r) => r.id < run.id && isEnded(r.state)) ?? others[0];
  const [chosen, setWith] = useParam("with", before?.id ?? "");
  if (near.isPending) return <Skeleton />;
  if (others.length === 0) return <Empty>This is the DAG's only run.</Empty>;
  const id = chosen || before?.id || "";
  return (
    <>
      <div className="tools">
        <span className="mut">with</span>
        <Select
          label="The other run"
          value={id}
          options={others.map((r) => ({
            id: r.id,
            label: `${dateTime(ms(r.logical_date) ?? 0, zone)}, ${r.state}, version ${r.version}`,
          }))}
          onChange={(v) => setWith(v, true)}
        />
      </div>
      <div className="body">{id && <Pair run={run} other={id} />}</div>
    </>
  );
}

function useSide(id: string) {
  const tasks = useQuery(tasksQuery(id));
  const attempts = useQuery(barsQuery(id));
  return {
    tasks: new Map((tasks.data ?? []).map((t) => [t.task, t])),
    took: spans(attempts.data?.items ?? []),
    order: (tasks.data ?? []).map((t) => t.task),
  };
}

function Pair({ run, other }: { run: Run; other: string }) {
  const that = useQuery(runQuery(other));
  const a = useSide(run.id);
  const b = useSide(other);
  const [task, setTask] = useParam("task");
  const order = [...a.order, ...b.order.filter((task) => !a.tasks.has(task))];
  const differing = that.data
    ? [...new Set([...Object.keys(run.params), ...Object.keys(that.data.params)])].filter(
        (key) => JSON.stringify(run.params[key]) !== JSON.stringify((that.data.params as Record<string, unknown>)[key]),
      )
    : [];
  return (
    <div className="pad col g16">
      {task && <TaskDifference task={task} before={other} after={run.id} onClose={() => setTask("")} />}
      <Box title="Tasks">
        <table className="tbl tight">
          <thead>
            <tr>
              <th>Task</th>
              <th>This run</th>
              <th className="r">Took</th>
              <th>The other</th>
              <th className="r">Took</th>
              <th className="r">Difference</th>
              <th>
                <span className="vh">Outputs and logs</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {order.map((task) => (
              <PairRow key={task} task={task} a={a} b={b} onOpen={() => setTask(task)} />
            ))}
          </tbody>
        </table>
      </Box>
      {that.data && (
        <Box
          title="Parameters that differ"
          note={that.data.version !== run.version ? `versions ${run.version} and ${that.data.version}` : ""}
        >
          {differing.length === 0 ? (
            <Empty>None.</Empty>
          ) : (
            <table className="tbl tight">
              <tbody>
                {differing.map((key) => (
                  <tr key={key}>
                    <td className="m">
                      <UntrustedText>{key}</UntrustedText>
                    </td>
                    <td>
                      <code>
                        <UntrustedText>{JSON.stringify(run.params[key]) ?? "absent"}</UntrustedText>
                      </code>
                    </td>
                    <td className="grow">
                      <code className="mut">
                        <UntrustedText>
                          {JSON.stringify((that.data.params as Record<string, unknown>)[key]) ?? "absent"}
                        </UntrustedText>
                      </code>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Box>
      )}
    </div>
  );
}

type Side = ReturnType<typeof useSide>;

function PairRow({ task, a, b, onOpen }: { task: string; a: Side; b: Side; onOpen: () => void }) {
  const side = (s: Side) => {
    const summary = s.tasks.get(task);
    const span = s.took.get(task);
    const time = span?.to !== undefined ? span.to - span.from : undefined;
    return { state: summary ? (worst(summary.counts) ?? "waiting") : undefined, time };
  };
  const [x, y] = [side(a), side(b)];
  const change = x.time !== undefined && y.time !== undefined ? x.time - y.time : undefined;
  const large =
    change !== undefined && y.time !== undefined && Math.abs(change) > NOISE * y.time && Math.abs(change) > 200;
  return (
    <tr>
      <td className="grow m">
        <UntrustedText>{task}</UntrustedText>
      </td>
      {[x, y].map((s, i) => [
        // biome-ignore lint/suspicious/noArrayIndexKey: this run and the other one
        <td key={`s${i}`}>
          {s.state ? (
            <span className="row g8">
              <Mark state={s.state} size={14} />
              {NAME[s.state]}
            </span>
          ) : (
            <span className="mut">not in it</span>
          )}
        </td>,
        // biome-ignore lint/suspicious/noArrayIndexKey: this run and the other one
        <td key={`t${i}`} className="r">
          {s.time !== undefined && duration(s.time)}
        </td>,
      ])}
      <td className={large ? "r m" : "r mut"}>
        {change !== undefined && `${change > 0 ? "+" : ""}${duration(change)}`}
      </td>
      <td>
        {x.state && y.state && (
          <button type="button" className="btn ghost sm" onClick={onOpen} aria-label={`Outputs and logs of ${task}`}>
            <Icon name="diff" size={14} />
          </button>
        )}
      </td>
    </tr>
  );
}
