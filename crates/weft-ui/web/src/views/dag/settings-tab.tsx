/** What is set for a DAG and its tasks; tasks that may have crashed workers. */
import { useQuery } from "@tanstack/react-query";
import { release, useReread } from "../../api/acts";
import { version as versionQuery } from "../../api/queries";
import type { DagDetail, DagTask } from "../../api/types";
import { useMay } from "../../app/me";
import { plural } from "../../lib/text";
import { AssetLink } from "../../parts/links";
import { Box } from "../../parts/states";
import { Time, UntrustedText } from "../../parts/text";
import { announce } from "../../parts/toast";
import { Mark } from "../../state/mark";
import { ConditionWords, useCondition } from "../assets/condition";
import { holidaysOf, specOf } from "../task/spec";

/** When a task starts: what a teardown is of, or the trigger rule in words. */
function rule({ teardown, trigger_rule }: DagTask): string {
  if (!teardown) return trigger_rule.replaceAll("_", " ");
  return teardown.setups.length > 0 ? `teardown of ${teardown.setups.join(", ")}` : "teardown";
}

/** A deadline in words. */
function afterDue({ after, stops }: NonNullable<DagTask["deadline"]>): string {
  return `${after} after the run was due${stops ? ", stopped then" : ""}`;
}

export function SettingsTab({ dag }: { dag: DagDetail }) {
  const settle = useMay("settle");
  const reread = useReread();
  const condition = useCondition(dag);
  const doc = useQuery({ ...versionQuery(dag.id, dag.version ?? 0), enabled: Boolean(dag.version) });
  const holidays = holidaysOf(doc.data?.document);
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
            {dag.owners && dag.owners.length > 0 && (
              <>
                <dt>Owners</dt>
                <dd>
                  <UntrustedText max={1000}>{dag.owners.join(", ")}</UntrustedText>
                </dd>
              </>
            )}
            <dt>Schedule</dt>
            <dd>{dag.schedule ? `${dag.schedule}, ${dag.timezone ?? "UTC"}` : "none"}</dd>
            {holidays.length > 0 && (
              <>
                <dt>Holidays</dt>
                <dd>
                  <UntrustedText max={1000}>{holidays.join(", ")}</UntrustedText>
                </dd>
              </>
            )}
            {condition && (
              <>
                <dt>Assets</dt>
                <dd>
                  a run when <ConditionWords of={condition} />
                </dd>
              </>
            )}
            <dt>Catch up</dt>
            <dd>
              {dag.catchup === null || dag.catchup === undefined ? "as the installation" : dag.catchup ? "yes" : "no"}
            </dd>
            {dag.deadline && (
              <>
                <dt>Deadline</dt>
                <dd>{afterDue(dag.deadline)}</dd>
              </>
            )}
            <dt>Active runs</dt>
            <dd>{dag.max_active_runs ? `at most ${dag.max_active_runs}` : "no limit of its own"}</dd>
            {dag.concurrency_key && (
              <>
                <dt>Key of a run</dt>
                <dd>
                  <UntrustedText max={400}>{dag.concurrency_key}</UntrustedText>, at most{" "}
                  {plural(dag.max_active_runs_per_key ?? 1, "active run")} of each
                </dd>
              </>
            )}
            {dag.rate_limit && (
              <>
                <dt>Rate limit</dt>
                <dd>
                  {plural(dag.rate_limit.runs, "start")}
                  {dag.concurrency_key && " of each key"} in {dag.rate_limit.per}
                </dd>
              </>
            )}
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
                    {task.mapped && (
                      <span className="mut">
                        {" "}
                        mapped{task.mapped_group !== undefined && <> with {task.mapped_group}</>}
                      </span>
                    )}
                    {task.branch && <span className="mut"> branch</span>}
                    {task.conditions?.map((condition) => (
                      <span className="mut" key={condition}>
                        {" "}
                        {condition.replaceAll("_", " ")}
                      </span>
                    ))}
                    {task.deadline && <div className="mut">deadline {afterDue(task.deadline)}</div>}
                    {task.variables && (
                      <div className="mut">
                        reads <UntrustedText max={400}>{task.variables.join(", ")}</UntrustedText>
                      </div>
                    )}
                    <Outlets of={specOf(doc.data?.document, task.id).outlets} />
                  </td>
                  <td className="grow mut wide">
                    {task.description && <UntrustedText>{task.description}</UntrustedText>}
                  </td>
                  <td className="mut">{rule(task)}</td>
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

/** The assets that a task updates. */
function Outlets({ of }: { of: readonly string[] }) {
  if (of.length === 0) return null;
  return (
    <div className="t12 outlets">
      <span className="mut">updates </span>
      {of.map((asset, i) => (
        <span key={asset}>
          {i > 0 && ", "}
          <AssetLink asset={asset} className="ul" />
        </span>
      ))}
    </div>
  );
}
