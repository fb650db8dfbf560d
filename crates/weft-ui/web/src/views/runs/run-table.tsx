/** Runs as rows, which can be chosen where something is done to several of them. */
import { memo } from "react";
import type { Run } from "../../api/types";
import { count } from "../../lib/text";
import { CountsBar } from "../../parts/counts-bar";
import { DagLink, RunLink } from "../../parts/links";
import { useRows } from "../../parts/rows";
import { Time, Took, UntrustedText } from "../../parts/text";
import { WindowRows } from "../../parts/window-rows";
import { Mark } from "../../state/mark";
import { KIND_NAME, NAME, runMark, total } from "../../state/states";
import { NoteSign } from "../notes/note";

interface Props {
  runs: readonly Run[];
  withDag: boolean;
  /** Where rows can be chosen. */
  isChosen?: (run: string) => boolean;
  onChoose?: (runs: readonly string[], on: boolean) => void;
}

export function RunTable({ runs, withDag, isChosen, onChoose }: Props) {
  const rows = useRows(runs.length);
  const { started, took } = classes(withDag, onChoose !== undefined);
  return (
    <table className="tbl dags" aria-rowcount={runs.length + 1}>
      <thead>
        <tr>
          {onChoose && (
            <th>
              <label className="check">
                <input
                  type="checkbox"
                  aria-label="Choose all that are listed"
                  checked={runs.every((run) => isChosen?.(run.id))}
                  onChange={(e) =>
                    onChoose(
                      runs.map((run) => run.id),
                      e.target.checked,
                    )
                  }
                />
              </label>
            </th>
          )}
          <th>Run</th>
          {withDag && <th>DAG</th>}
          <th className="wide mid">Kind</th>
          <th className="r wide mid">Version</th>
          <th className={started}>Started</th>
          <th className={took}>Took</th>
          <th className="wide">Instances</th>
          <th className="wide mid">Run id</th>
        </tr>
      </thead>
      <WindowRows
        count={runs.length}
        row={(i) => {
          const run = runs[i];
          return (
            run && (
              <Row
                key={run.id}
                run={run}
                at={i}
                withDag={withDag}
                row={rows(i)}
                chosen={onChoose ? (isChosen?.(run.id) ?? false) : undefined}
                onChoose={onChoose}
              />
            )
          );
        }}
      />
    </table>
  );
}

interface RowProps {
  run: Run;
  /** Its place in the table. */
  at: number;
  withDag: boolean;
  row: object;
  chosen: boolean | undefined;
  onChoose: Props["onChoose"] | undefined;
}

/** Narrow screens have no room for times beside the DAG's name. */
function classes(withDag: boolean, choosing: boolean): { started: string; took: string } {
  return { started: withDag && choosing ? "r wide" : "r", took: withDag ? "r wide" : "r" };
}

const Row = memo(function Row({ run, at, withDag, row, chosen, onChoose }: RowProps) {
  const { started, took } = classes(withDag, onChoose !== undefined);
  return (
    <tr className="link" aria-rowindex={at + 2}>
      {onChoose && (
        <td>
          <label className="check">
            <input
              type="checkbox"
              checked={chosen ?? false}
              onChange={(e) => onChoose([run.id], e.target.checked)}
              aria-label={`Choose ${run.id}`}
            />
          </label>
        </td>
      )}
      <td {...row}>
        <span className="row g8">
          <Mark state={runMark(run.state)} label={NAME[runMark(run.state)]} />
          <RunLink dag={run.dag} run={run.id} className="m lk">
            <Time at={run.logical_date} />
          </RunLink>
          <NoteSign note={run.note} />
        </span>
      </td>
      {withDag && (
        <td className="grow">
          <DagLink dag={run.dag}>
            <UntrustedText>{run.dag}</UntrustedText>
          </DagLink>
        </td>
      )}
      <td className="wide mid mut">{KIND_NAME[run.kind]}</td>
      <td className="r wide mid mut">{run.version}</td>
      <td className={`${started} mut`}>
        <Time at={run.started ?? run.created} form="short" />
      </td>
      <td className={took}>
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
