/** All runs, newest first, filtered by the address; several of them are chosen and acted on together. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { dags, type RunFilter, run as runQuery, runs } from "../../api/queries";
import { Head } from "../../app/head";
import { useMay } from "../../app/me";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { NextPage, SearchField, Segments, Select } from "../../parts/controls";
import { Answer, Empty, Skeleton } from "../../parts/states";
import { isFilter } from "../bulk/target";
import { SaveView } from "../dags/save-view";
import { BulkBar } from "./bulk-bar";
import { created } from "./created";
import { CreatedFilter } from "./created-filter";
import { RunTable } from "./run-table";
import { UnfinishedBar } from "./unfinished-bar";
import "../dags/dags.css";

const STATES = [
  { id: "", label: "All" },
  { id: "running", label: "Running" },
  { id: "failed", label: "Failed" },
  { id: "success", label: "Success" },
  { id: "queued", label: "Pending" },
  { id: "cancelled", label: "Cancelled" },
] as const;

const KINDS = [
  { id: "", label: "Every kind" },
  { id: "scheduled", label: "Scheduled" },
  { id: "manual", label: "Manual" },
  { id: "backfill", label: "Backfill" },
  { id: "called", label: "Called" },
  { id: "assets", label: "Created by assets" },
] as const;

/** The filter that the address says. */
function useFilter() {
  const [state, setState] = useParam("state");
  const [kind, setKind] = useParam("kind");
  const [dag, setDag] = useParam("dag");
  const [tag, setTag] = useParam("tag");
  const [since, setSince] = useParam("since");
  const [from, setFrom] = useParam("from");
  const [until, setUntil] = useParam("until");
  const zone = useZone();
  const filter = useMemo(
    (): RunFilter => ({
      state: state || undefined,
      kind: kind || undefined,
      dag: dag || undefined,
      tag: tag || undefined,
      ...created(since, from, until, zone, Date.now()),
    }),
    [state, kind, dag, tag, since, from, until, zone],
  );
  const clear = () => {
    for (const set of [setState, setKind, setDag, setTag, setSince, setFrom, setUntil]) set("");
  };
  return { filter, zone, state, setState, kind, setKind, dag, setDag, tag, setTag, clear };
}

export function Runs() {
  const { filter, zone, state, setState, kind, setKind, dag, setDag, tag, setTag, clear } = useFilter();
  const [q, setQ] = useParam("q");
  const known = useQuery(dags);
  const tags = useMemo(() => [...new Set((known.data ?? []).flatMap((d) => d.tags))].sort(), [known.data]);
  const query = useInfiniteQuery(runs(filter));
  const one = useQuery({ ...runQuery(q.trim()), enabled: q.trim().length === 13, retry: false });
  // A run that changed its state since the page was read is shown as it is now; the next read leaves it out.
  const listed = query.data?.pages.flatMap((page) => page.items) ?? [];
  const items = q.trim() ? (one.data ? [one.data] : []) : listed;
  const operate = useMay("operate");
  const [choosing, setChoosing] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [allOf, setAllOf] = useState<RunFilter>();
  // What was said of one filter does not count for another.
  const all = allOf === filter;
  const choose = (ids: readonly string[], on: boolean) => {
    const next = new Set(all ? items.map((run) => run.id) : chosen);
    for (const id of ids)
      if (on) next.add(id);
      else next.delete(id);
    setChosen(next);
    setAllOf(undefined);
  };
  const none = () => {
    setChosen(new Set());
    setAllOf(undefined);
  };
  return (
    <>
      <Head
        title="Runs"
        actions={
          <>
            {operate && (
              <button
                type="button"
                className="btn"
                aria-pressed={choosing}
                onClick={() => {
                  setChoosing(!choosing);
                  none();
                }}
              >
                Choose
              </button>
            )}
            <SaveView />
          </>
        }
      />
      <div className="tools">
        <SearchField label="Run id" value={q} onChange={(v) => setQ(v)} width={140} />
        <Segments label="State" value={state} options={STATES} onChange={(v) => setState(v, true)} />
        <Select label="Kind" value={kind} options={KINDS} onChange={(v) => setKind(v, true)} />
        <Select
          label="DAG"
          value={dag}
          options={[{ id: "", label: "All DAGs" }, ...(known.data ?? []).map((d) => ({ id: d.id, label: d.id }))]}
          onChange={(v) => setDag(v, true)}
        />
        {(tags.length > 0 || tag) && (
          <Select
            label="Tag"
            value={tag}
            options={[
              { id: "", label: "All tags" },
              ...(tags.includes(tag) || !tag ? tags : [tag, ...tags]).map((t) => ({ id: t, label: t })),
            ]}
            onChange={(v) => setTag(v, true)}
          />
        )}
        <CreatedFilter zone={zone} />
      </div>
      {operate && <UnfinishedBar />}
      {choosing && (
        <BulkBar
          filter={filter}
          chosen={items.filter((run) => chosen.has(run.id))}
          all={all}
          onAll={() => setAllOf(filter)}
          onNone={none}
        />
      )}
      <div className="body">
        <Answer of={query} skeleton={<Skeleton rows={14} height={16} />}>
          {() =>
            items.length === 0 ? (
              <Empty>
                No run matches.{" "}
                {(isFilter(filter) || q) && (
                  <button
                    type="button"
                    className="btn sm"
                    onClick={() => {
                      clear();
                      setQ("");
                    }}
                  >
                    Show all
                  </button>
                )}
              </Empty>
            ) : (
              <>
                <RunTable
                  runs={items}
                  withDag={!dag}
                  {...(choosing ? { isChosen: (id: string) => all || chosen.has(id), onChoose: choose } : {})}
                />
                {query.hasNextPage && !q && (
                  <div className="pad">
                    <NextPage query={query}>Earlier runs</NextPage>
                  </div>
                )}
              </>
            )
          }
        </Answer>
      </div>
    </>
  );
}
