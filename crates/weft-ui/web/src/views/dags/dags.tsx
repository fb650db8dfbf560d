/** All DAGs: search as you type, filters in the address, last runs as bars, bulk pausing, saved views. */
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useMemo, useState } from "react";
import { pause, useReread } from "../../api/acts";
import { dags, dagsWithRuns } from "../../api/queries";
import { Head } from "../../app/head";
import { useMay } from "../../app/me";
import { useParam } from "../../app/search";
import { count, plural } from "../../lib/text";
import { SearchField, Segments, Select } from "../../parts/controls";
import { useRows } from "../../parts/rows";
import { Answer, Empty, Skeleton } from "../../parts/states";
import { announce } from "../../parts/toast";
import { WindowRows } from "../../parts/window-rows";
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
  const [sort, setSort] = useParam("sort", "name");
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const operate = useMay("operate");
  const typed = useDeferredValue(q);
  const all = list.data;
  const shown = useMemo(
    () => sorted(filtered(all ?? [], { q: typed, state, tag }), sort as Sort),
    [all, typed, state, tag, sort],
  );
  const tags = useMemo(() => [...new Set((all ?? []).flatMap((dag) => dag.tags))].sort(), [all]);
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
        <SearchField label="Name, tag, description" value={q} onChange={(v) => setQ(v)} />
        <Segments label="State" value={state} options={STATES} onChange={(v) => setState(v, true)} />
        {tags.length > 0 && (
          <Select
            label="Tag"
            value={tag}
            options={[{ id: "", label: "All tags" }, ...tags.map((t) => ({ id: t, label: t }))]}
            onChange={(v) => setTag(v, true)}
          />
        )}
        <span className="sp" />
        <Select label="Order" value={sort} options={SORTS} onChange={(v) => setSort(v)} />
      </div>
      {picked.size > 0 && <Bulk picked={[...picked]} done={() => setPicked(new Set())} />}
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
                      <th className="wide">
                        <span className="vh">Select</span>
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

function Bulk({ picked, done }: { picked: string[]; done: () => void }) {
  const reread = useReread();
  const set = async (paused: boolean) => {
    const results = await Promise.allSettled(picked.map((id) => pause(id, paused)));
    const failed = results.filter((r) => r.status === "rejected").length;
    await reread(["dags"]);
    announce(
      `${plural(picked.length - failed, "DAG")} ${paused ? "paused" : "unpaused"}${failed ? `, ${failed} refused` : ""}`,
    );
    done();
  };
  return (
    <div className="tools bulk">
      <span className="m">{plural(picked.length, "DAG")} selected</span>
      <button type="button" className="btn sm" onClick={() => void set(true)}>
        Pause
      </button>
      <button type="button" className="btn sm" onClick={() => void set(false)}>
        Unpause
      </button>
      <button type="button" className="btn ghost sm" onClick={done}>
        Select none
      </button>
    </div>
  );
}
