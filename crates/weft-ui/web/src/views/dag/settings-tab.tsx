/** What is set for a DAG and its tasks; tasks that may have crashed workers. */

import { release, useReread } from "../../api/acts";
import type { DagDetail } from "../../api/types";
import { useMay } from "../../app/me";
import { Box } from "../../parts/states";
import { Time, UntrustedText } from "../../parts/text";
import { announce } from "../../parts/toast";
import { Mark } from "../../state/mark";

export function SettingsTab({ dag }: { dag: DagDetail }) {
  const settle = useMay("settle");
  const reread = useReread();
  const suspects = dag.suspects ?? [];
  return (
    <div className="body">
      <div className="pad col g16">
        {suspects.length > 0 && (
          <Box
            title="Suspected of crashing workers"
            actions={
              settle &&
              suspects.some((s) => s.quarantined) && (
                <button
                  type="button"
                  className="btn sm"
                  onClick={async () => {
                    await release(dag.id);
                    announce("The quarantine is lifted");
                    await reread(["dag", dag.id]);
                  }}
                >
                  Lift the quarantine
                </button>
              )
            }
          >
            {suspects.map((s) => (
              <div className="row g8 pad16" key={s.task}>
                <Mark state="failed" size={14} />
                <UntrustedText>{s.task}</UntrustedText>
                {s.quarantined && <span className="tag">quarantined</span>}
                <span className="mut">
                  {s.deaths.length} crashes, last <Time at={s.deaths.at(-1)?.at} form="relative" />
                </span>
              </div>
            ))}
          </Box>
        )}
        <Box title="DAG">
          <dl className="kv pad16">
            {dag.description && (
              <>
                <dt>Description</dt>
                <dd>
                  <UntrustedText max={1000}>{dag.description}</UntrustedText>
                </dd>
              </>
            )}
            <dt>Schedule</dt>
            <dd>{dag.schedule ? `${dag.schedule}, ${dag.timezone ?? "UTC"}` : "none"}</dd>
            <dt>Catch up</dt>
            <dd>
              {dag.catchup === null || dag.catchup === undefined ? "as the installation" : dag.catchup ? "yes" : "no"}
            </dd>
            <dt>Active runs</dt>
            <dd>{dag.max_active_runs ? `at most ${dag.max_active_runs}` : "no limit of its own"}</dd>
            <dt>Active tasks</dt>
            <dd>{dag.max_active_tasks ? `at most ${dag.max_active_tasks}` : "no limit of its own"}</dd>
            <dt>First deployed</dt>
            <dd>
              <Time at={dag.created} named />
            </dd>
            <dt>Last changed</dt>
            <dd>
              <Time at={dag.updated} named />
            </dd>
          </dl>
        </Box>
        <Box title="Tasks" note={String(dag.tasks.length)}>
          <table className="tbl tight">
            <thead>
              <tr>
                <th>Task</th>
                <th className="wide">Description</th>
                <th>Trigger rule</th>
                <th className="r">Retries</th>
                <th>Queue</th>
                <th>Pool</th>
              </tr>
            </thead>
            <tbody>
              {dag.tasks.map((task) => (
                <tr key={task.id}>
                  <td>
                    <UntrustedText>{task.id}</UntrustedText>
                    {task.mapped && <span className="mut"> mapped</span>}
                    {task.branch && <span className="mut"> branch</span>}
                  </td>
                  <td className="grow mut wide">
                    {task.description && <UntrustedText>{task.description}</UntrustedText>}
                  </td>
                  <td className="mut">{task.trigger_rule.replaceAll("_", " ")}</td>
                  <td className="r">{task.retries}</td>
                  <td>
                    <UntrustedText>{task.queue}</UntrustedText>
                  </td>
                  <td>{task.pool && <UntrustedText>{task.pool}</UntrustedText>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Box>
      </div>
    </div>
  );
}
