/** A run's parameters and the facts about it. */
import { Link } from "@tanstack/react-router";
import type { Run } from "../../api/types";
import { useMay } from "../../app/me";
import { JsonTree } from "../../parts/json-tree";
import { Box, Empty } from "../../parts/states";
import { CopyButton, Time, UntrustedText } from "../../parts/text";

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
            <dd>{run.kind}</dd>
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
            {run.trace && (
              <>
                <dt>Trace</dt>
                <dd>
                  <code>{run.trace}</code>
                </dd>
              </>
            )}
          </dl>
        </Box>
      </div>
    </div>
  );
}
