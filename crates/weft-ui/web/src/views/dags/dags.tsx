/** All DAGs: search as you type, filters in the address, last runs as bars, several DAGs acted on together, saved views. */
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useMemo, useState } from "react";
import { dags, dagsWithRuns } from "../../api/queries";
import { Head } from "../../app/head";
import { useMay } from "../../app/me";
import { useParam } from "../../app/search";
import { count } from "../../lib/text";
import { SearchField, Segments, Select } from "../../parts/controls";
import { useRows } from "../../parts/rows";
import { Answer, Empty, Skeleton } from "../../parts/states";
import { WindowRows } from "../../parts/window-rows";
import { BulkBar } from "./bulk-bar";
import { DagRow } from "./dag-row";
import { filtered, SORTS, type Sort, sorted } from "./filter";
import { SaveView } from "./save-view";
import "./dags.css";

const STATES = [
  { id: "", label: "All" },
  { id: "failed", label: "Failing" },
  { id: "running", label: "Running" },
  { id: "paused", label: "Paused" },
] as const;

export function Dags() {
  const names = useQuery(dags);
  const withRuns = useQuery(dagsWithRuns);
  // The names are there first: their runs are added when they come.
  const list = withRuns.data || withRuns.error ? withRuns : names;
  const [q, setQ] = useParam("q");
  const [state, setState] = useParam("state");
  const [tag, setTag] = useParam("tag");
  const [owner, setOwner] = useParam("owner");
  const [sort, setSort] = useParam("sort", "name");
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const operate = useMay("operate");
  const typed = useDeferredValue(q);
  const all = list.data;
  const shown = useMemo(
    () => sorted(filtered(all ?? [], { q: typed, state, tag, owner }), sort as Sort),
    [all, typed, state, tag, owner, sort],
  );
  const tags = useMemo(() => [...new Set((all ?? []).flatMap((dag) => dag.tags))].sort(), [all]);
  const owners = useMemo(() => [...new Set((all ?? []).flatMap((dag) => dag.owners ?? []))].sort(), [all]);
  const rows = useRows(shown.length);
  const pick = (id: string, on: boolean) => {
    const next = new Set(picked);
    if (on) next.add(id);
    else next.delete(id);
    setPicked(next);
  };
  return (
    <>
      <Head title="DAGs" badges={all && <span className="mut">{count(all.length)}</span>} actions={<SaveView />} />
      <div className="tools">
        <SearchField label="Name, tag, owner, description" value={q} onChange={(v) => setQ(v)} />
        <Segments label="State" value={state} options={STATES} onChange={(v) => setState(v, true)} />
        {tags.length > 0 && (
          <Select
            label="Tag"
            value={tag}
            options={[{ id: "", label: "All tags" }, ...tags.map((t) => ({ id: t, label: t }))]}
            onChange={(v) => setTag(v, true)}
          />
        )}
        {owners.length > 0 && (
          <Select
            label="Owner"
            value={owner}
            options={[{ id: "", label: "All owners" }, ...owners.map((o) => ({ id: o, label: o }))]}
            onChange={(v) => setOwner(v, true)}
          />
        )}
        <span className="sp" />
        <Select label="Order" value={sort} options={SORTS} onChange={(v) => setSort(v)} />
      </div>
      {picked.size > 0 && <BulkBar picked={[...picked]} done={() => setPicked(new Set())} />}
      <div className="body">
        <Answer of={list} skeleton={<Skeleton rows={12} height={20} />}>
          {() =>
            shown.length === 0 ? (
              <Empty>
                No DAG matches.{" "}
                <button
                  type="button"
                  className="btn sm"
                  onClick={() => {
                    setQ("");
                    setState("");
                    setTag("");
                    setOwner("");
                  }}
                >
                  Show all {count(all?.length ?? 0)}
                </button>
              </Empty>
            ) : (
              <table className="tbl dags" aria-rowcount={shown.length + 1}>
                <thead>
                  <tr>
                    {operate && (
                      <th>
                        <label className="check">
                          <input
                            type="checkbox"
                            aria-label="Select all that are listed"
                            checked={shown.every((dag) => picked.has(dag.id))}
                            onChange={(e) => setPicked(new Set(e.target.checked ? shown.map((dag) => dag.id) : []))}
                          />
                        </label>
                      </th>
                    )}
                    <th>DAG</th>
                    <th className="wide">Last runs</th>
                    <th className="r">Last</th>
                    <th className="r wide mid">Median</th>
                    <th className="wide mid">Schedule</th>
                    <th className="r wide">Next run</th>
                    <th className="r">{operate ? "On" : ""}</th>
                  </tr>
                </thead>
                <WindowRows
                  count={shown.length}
                  row={(i) => {
                    const dag = shown[i];
                    return (
                      dag && (
                        <DagRow
                          key={dag.id}
                          dag={dag}
                          at={i}
                          row={rows(i)}
                          operate={operate}
                          picked={picked.has(dag.id)}
                          onPick={(on) => pick(dag.id, on)}
                          onTag={(t) => setTag(t, true)}
                        />
                      )
                    );
                  }}
                />
              </table>
            )
          }
        </Answer>
      </div>
    </>
  );
}
