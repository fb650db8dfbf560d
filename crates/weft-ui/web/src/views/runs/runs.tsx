/** All runs, newest first, filtered by the address. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { dags, run as runQuery, runs } from "../../api/queries";
import { Head } from "../../app/head";
import { useParam } from "../../app/search";
import { SearchField, Segments, Select } from "../../parts/controls";
import { Answer, Empty, Skeleton } from "../../parts/states";
import { SaveView } from "../dags/save-view";
import { RunTable } from "./run-table";
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
] as const;

export function Runs() {
  const [state, setState] = useParam("state");
  const [kind, setKind] = useParam("kind");
  const [dag, setDag] = useParam("dag");
  const [q, setQ] = useParam("q");
  const known = useQuery(dags);
  const query = useInfiniteQuery(runs({ state: state || undefined, kind: kind || undefined, dag: dag || undefined }));
  const one = useQuery({ ...runQuery(q.trim()), enabled: q.trim().length === 13, retry: false });
  // A run that changed its state since the page was read is shown as it is now; the next read leaves it out.
  const listed = query.data?.pages.flatMap((page) => page.items) ?? [];
  const items = q.trim() ? (one.data ? [one.data] : []) : listed;
  return (
    <>
      <Head title="Runs" actions={<SaveView />} />
      <div className="tools">
        <SearchField label="Run id" value={q} onChange={(v) => setQ(v)} width={180} />
        <Segments label="State" value={state} options={STATES} onChange={(v) => setState(v, true)} />
        <Select label="Kind" value={kind} options={KINDS} onChange={(v) => setKind(v, true)} />
        <Select
          label="DAG"
          value={dag}
          options={[{ id: "", label: "All DAGs" }, ...(known.data ?? []).map((d) => ({ id: d.id, label: d.id }))]}
          onChange={(v) => setDag(v, true)}
        />
      </div>
      <div className="body">
        <Answer of={query} skeleton={<Skeleton rows={14} height={16} />}>
          {() =>
            items.length === 0 ? (
              <Empty>
                No run matches.{" "}
                {(state || kind || dag || q) && (
                  <button
                    type="button"
                    className="btn sm"
                    onClick={() => {
                      setState("");
                      setKind("");
                      setDag("");
                      setQ("");
                    }}
                  >
                    Show all
                  </button>
                )}
              </Empty>
            ) : (
              <>
                <RunTable runs={items} withDag={!dag} />
                {query.hasNextPage && !q && (
                  <div className="pad">
                    <button
                      type="button"
                      className="btn"
                      disabled={query.isFetchingNextPage}
                      onClick={() => void query.fetchNextPage()}
                    >
                      Earlier runs
                    </button>
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
