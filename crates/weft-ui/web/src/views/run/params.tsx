/** A run's parameters and the facts about it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { tree as treeQuery } from "../../api/queries";
import type { Run } from "../../api/types";
import { useMay } from "../../app/me";
import { useNow } from "../../lib/clock";
import { ms } from "../../lib/time";
import { JsonTree } from "../../parts/json-tree";
import { RunLink, TraceLink } from "../../parts/links";
import { Box, Empty } from "../../parts/states";
import { CopyButton, Time, UntrustedText } from "../../parts/text";
import { KIND_NAME } from "../../state/states";
import { Caller } from "./called";

export function Params({ run }: { run: Run }) {
  const operate = useMay("operate");
  const text = JSON.stringify(run.params, null, 2);
  return (
    <div className="body">
      <div className="pad split">
        <Box
          title="Parameters"
          actions={
            <span className="row g8">
              {operate && (
                <Link
                  to="/dags/$dag/trigger"
                  params={{ dag: run.dag }}
                  search={{ from: run.id, with: "date" }}
                  className="btn sm"
                >
                  Run again with these…
                </Link>
              )}
              <CopyButton text={text} />
            </span>
          }
        >
          {Object.keys(run.params).length === 0 ? (
            <Empty>This version takes no parameters.</Empty>
          ) : (
            <div className="pad16">
              <JsonTree value={run.params} />
            </div>
          )}
        </Box>
        <Box title="This run">
          <dl className="kv pad16">
            <dt>Id</dt>
            <dd>
              <code>{run.id}</code>
            </dd>
            <dt>Kind</dt>
            <dd>{KIND_NAME[run.kind]}</dd>
            {run.called_by && <CallerRow run={run} caller={run.called_by} />}
            <dt>Version</dt>
            <dd>{run.version}</dd>
            <dt>Created</dt>
            <dd>
              <Time at={run.created} named />
            </dd>
            {run.created_by && (
              <>
                <dt>By</dt>
                <dd>
                  <UntrustedText>{run.created_by}</UntrustedText>
                </dd>
              </>
            )}
            <dt>Logical date</dt>
            <dd>
              <Time at={run.logical_date} named />
            </dd>
            <dt>Data interval</dt>
            <dd>
              <Time at={run.data_interval.start} /> to <Time at={run.data_interval.end} />
            </dd>
            <dt>Not before</dt>
            <dd>
              <Time at={run.not_before} />
            </dd>
            {run.concurrency_key && (
              <>
                <dt>Key</dt>
                <dd>
                  <UntrustedText>{run.concurrency_key}</UntrustedText>
                </dd>
              </>
            )}
            {run.deadline && <DeadlineRow at={run.deadline} ended={run.ended} />}
            {run.trace && (
              <>
                <dt>Trace</dt>
                <dd>
                  <TraceLink run={run} />
                </dd>
              </>
            )}
          </dl>
        </Box>
      </div>
    </div>
  );
}

/** By when the run has to end, and whether it did. */
function DeadlineRow({ at, ended }: { at: string; ended?: string | null }) {
  const now = useNow();
  const missed = (ms(ended) ?? now) > (ms(at) ?? now);
  return (
    <>
      <dt>Deadline</dt>
      <dd>
        <Time at={at} /> {missed && <span className="tag">missed</span>}
      </dd>
    </>
  );
}

/** The task instance that called the run, as the tree of runs knows it. */
function CallerRow({ run, caller }: { run: Run; caller: string }) {
  const { data } = useQuery(treeQuery(run.id));
  const by = data?.runs.find((r) => r.id === run.id)?.called_by;
  const dag = data?.runs.find((r) => r.id === caller)?.dag;
  return (
    <>
      <dt>Called by</dt>
      <dd>
        {by && (
          <>
            <Caller by={by} dag={dag} /> of{" "}
          </>
        )}
        {dag === undefined ? (
          <>
            run <code>{caller}</code>
          </>
        ) : (
          <RunLink dag={dag} run={caller}>
            <UntrustedText>{dag}</UntrustedText> <code>{caller}</code>
          </RunLink>
        )}
      </dd>
    </>
  );
}
