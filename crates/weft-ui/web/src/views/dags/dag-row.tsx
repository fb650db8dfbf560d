/** One DAG of the list. */
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { pause, useReread } from "../../api/acts";
import type { ListedDag } from "../../api/queries";
import { duration } from "../../lib/time";
import { Toggle } from "../../parts/controls";
import { Icon } from "../../parts/icons";
import { DagLink, RunLink } from "../../parts/links";
import { RecentRuns } from "../../parts/spark";
import { Time, UntrustedText } from "../../parts/text";
import { announce } from "../../parts/toast";
import { Mark } from "../../state/mark";
import { runMark } from "../../state/states";
import { medianOf } from "./filter";

interface Props {
  dag: ListedDag;
  /** Its place in the table. */
  at: number;
  row: object;
  operate: boolean;
  picked: boolean;
  onPick: (on: boolean) => void;
  onTag: (tag: string) => void;
}

export const DagRow = memo(function DagRow({ dag, at, row, operate, picked, onPick, onTag }: Props) {
  const reread = useReread();
  const last = dag.recent?.[0];
  const median = medianOf(dag);
  const set = async (on: boolean) => {
    try {
      await pause(dag.id, !on);
      announce(`${dag.id} ${on ? "unpaused" : "paused"}`);
    } catch (error) {
      announce(error instanceof Error ? error.message : String(error));
    }
    await reread(["dags"], ["dag", dag.id]);
  };
  return (
    <tr className={dag.paused ? "link off" : "link"} aria-rowindex={at + 2}>
      {operate && (
        <td>
          <label className="check">
            <input
              type="checkbox"
              checked={picked}
              onChange={(e) => onPick(e.target.checked)}
              aria-label={`Select ${dag.id}`}
            />
          </label>
        </td>
      )}
      <td className="grow" {...row}>
        <div className="name">
          <Mark state={last ? runMark(last.state) : "none"} label={last ? true : "no runs yet"} />
          <DagLink dag={dag.id} className="m lk el">
            <UntrustedText>{dag.id}</UntrustedText>
          </DagLink>
          {dag.held && (
            <span className="tag" title="Nothing of its runs is dispatched until it is unpaused">
              runs held
            </span>
          )}
          {dag.tags.map((tag) => (
            <button
              key={tag}
              type="button"
              className="tag wide mid"
              onClick={() => onTag(tag)}
              aria-label={`Only tag ${tag}`}
            >
              <UntrustedText max={40}>{tag}</UntrustedText>
            </button>
          ))}
          {dag.description && (
            <span className="desc el wide mid">
              <UntrustedText>{dag.description}</UntrustedText>
            </span>
          )}
        </div>
      </td>
      <td className="wide">{dag.recent && <RecentRuns runs={dag.recent} />}</td>
      <td className="r mut">
        {last && (
          <RunLink dag={dag.id} run={last.id}>
            <Time at={last.started ?? last.logical_date} zone={dag.timezone} form="short" />
          </RunLink>
        )}
      </td>
      <td className="r wide mid">{median !== undefined && duration(median)}</td>
      <td className="wide mid mut">{dag.schedule && <UntrustedText max={40}>{dag.schedule}</UntrustedText>}</td>
      <td className="r wide">{!dag.paused && <Time at={dag.next_run} zone={dag.timezone} form="relative" />}</td>
      <td className="r">
        {operate ? (
          <span className="row g8 end">
            <Link
              to="/dags/$dag/trigger"
              params={{ dag: dag.id }}
              className="btn ghost sm wide"
              aria-label={`Trigger ${dag.id}`}
              title="Trigger"
            >
              <Icon name="play" size={14} />
            </Link>
            <Toggle label={`${dag.id} runs by its schedule`} on={!dag.paused} onChange={set} />
          </span>
        ) : (
          dag.paused && <span className="tag">paused</span>
        )}
      </td>
    </tr>
  );
});
