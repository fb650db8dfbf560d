/** All assets: filtered as one types, with the tasks that update them and the DAGs whose runs they create. */
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useMemo } from "react";
import { assets as assetsQuery } from "../../api/assets";
import type { Asset } from "../../api/types";
import { Head } from "../../app/head";
import { useParam } from "../../app/search";
import { count } from "../../lib/text";
import { SearchField } from "../../parts/controls";
import { AssetLink, DagLink } from "../../parts/links";
import { useRows } from "../../parts/rows";
import { Answer, Empty, Skeleton } from "../../parts/states";
import { Time } from "../../parts/text";
import { WindowRows } from "../../parts/window-rows";
import { filtered } from "./filter";
import { ProducerLink } from "./lineage";
import { ReportButton } from "./report-button";
import "../dags/dags.css";
import "./assets.css";

export function Assets() {
  const query = useQuery(assetsQuery);
  const [q, setQ] = useParam("q");
  const typed = useDeferredValue(q);
  const all = query.data;
  const shown = useMemo(() => filtered(all ?? [], typed), [all, typed]);
  const rows = useRows(shown.length);
  return (
    <>
      <Head
        title="Assets"
        badges={all && <span className="mut">{count(all.length)}</span>}
        actions={<ReportButton />}
      />
      <div className="tools">
        <SearchField label="Name, task, DAG" value={q} onChange={(v) => setQ(v)} />
      </div>
      <div className="body">
        <Answer of={query} skeleton={<Skeleton rows={12} height={20} />}>
          {(list) =>
            list.length === 0 ? (
              <Empty>
                <b>There are no assets</b>: an asset is named data that tasks update. A task names those that it updates
                as its outlets, a DAG those whose updates create its runs.
              </Empty>
            ) : shown.length === 0 ? (
              <Empty>
                No asset matches.{" "}
                <button type="button" className="btn sm" onClick={() => setQ("")}>
                  Show all {count(list.length)}
                </button>
              </Empty>
            ) : (
              <table className="tbl assets" aria-rowcount={shown.length + 1}>
                <thead>
                  <tr>
                    <th>Asset</th>
                    <th className="wide">Updated by</th>
                    <th className="wide">Creates runs of</th>
                    <th className="r">Last update</th>
                  </tr>
                </thead>
                <WindowRows
                  count={shown.length}
                  row={(i) => shown[i] && <Row key={shown[i].asset} of={shown[i]} at={i} row={rows(i)} />}
                />
              </table>
            )
          }
        </Answer>
      </div>
    </>
  );
}

function Row({ of: { asset, producers, consumers, updated }, at, row }: { of: Asset; at: number; row: object }) {
  const [task] = producers;
  const [dag] = consumers;
  return (
    <tr className="link" aria-rowindex={at + 2}>
      <td className="grow" title={asset} {...row}>
        <AssetLink asset={asset} className="m lk" />
      </td>
      <td className="wide cut">
        {task && <ProducerLink of={task} />}
        <More of={producers.length} />
      </td>
      <td className="wide cut">
        {dag && <DagLink dag={dag} />}
        <More of={consumers.length} />
      </td>
      <td className="r mut">{updated ? <Time at={updated} form="short" /> : "never"}</td>
    </tr>
  );
}

/** How many there are besides the one that is named; all of them are on the asset's page. */
const More = ({ of }: { of: number }) => (of > 1 ? <span className="mut"> and {count(of - 1)} more</span> : null);
