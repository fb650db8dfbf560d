/** Runs as rows. */
import { memo } from "react";
import type { Run } from "../../api/types";
import { count } from "../../lib/text";
import { CountsBar } from "../../parts/counts-bar";
import { DagLink, RunLink } from "../../parts/links";
import { useRows } from "../../parts/rows";
import { Time, Took, UntrustedText } from "../../parts/text";
import { WindowRows } from "../../parts/window-rows";
import { Mark } from "../../state/mark";
import { NAME, runMark, total } from "../../state/states";

export function RunTable({ runs, withDag }: { runs: readonly Run[]; withDag: boolean }) {
  const rows = useRows(runs.length);
  return (
    <table className="tbl dags" aria-rowcount={runs.length + 1}>
      <thead>
        <tr>
          <th>Run</th>
          {withDag && <th>DAG</th>}
          <th className="wide mid">Kind</th>
          <th className="r wide mid">Version</th>
          <th className="r">Started</th>
          <th className="r">Took</th>
          <th className="wide">Instances</th>
          <th className="wide mid">Run id</th>
        </tr>
      </thead>
      <WindowRows
        count={runs.length}
        row={(i) => {
          const run = runs[i];
          return run && <Row key={run.id} run={run} at={i} withDag={withDag} row={rows(i)} />;
        }}
      />
    </table>
  );
}

const Row = memo(function Row({ run, at, withDag, row }: { run: Run; at: number; withDag: boolean; row: object }) {
  return (
    <tr className="link" aria-rowindex={at + 2}>
      <td {...row}>
        <span className="row g8">
          <Mark state={runMark(run.state)} label={NAME[runMark(run.state)]} />
          <RunLink dag={run.dag} run={run.id} className="m lk">
            <Time at={run.logical_date} />
          </RunLink>
        </span>
      </td>
      {withDag && (
        <td className="grow">
          <DagLink dag={run.dag}>
            <UntrustedText>{run.dag}</UntrustedText>
          </DagLink>
        </td>
      )}
      <td className="wide mid mut">{run.kind}</td>
      <td className="r wide mid mut">{run.version}</td>
      <td className="r mut">
        <Time at={run.started ?? run.created} form="short" />
      </td>
      <td className="r">
        <Took from={run.started} to={run.ended} />
      </td>
      <td className="wide">
        <span className="row g8">
          <CountsBar counts={run.counts} width={120} />
          <span className="mut t12">{count(total(run.counts))}</span>
        </span>
      </td>
      <td className="wide mid mut">
        <code>{run.id}</code>
      </td>
    </tr>
  );
});
