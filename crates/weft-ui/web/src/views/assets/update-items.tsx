/** Updates of assets as a list: when, which partition, who made it, what was said of it, the runs that it created. */
import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { AssetUpdate } from "../../api/types";
import { NextPage } from "../../parts/controls";
import { JsonTree } from "../../parts/json-tree";
import { AssetLink, DagLink, InstanceLink, RunLink } from "../../parts/links";
import { Answer, Skeleton } from "../../parts/states";
import { Time, UntrustedText } from "../../parts/text";
import "../../parts/form.css";
import "./assets.css";

interface Props {
  label: string;
  query: UseInfiniteQueryResult<InfiniteData<{ items: AssetUpdate[]; next?: string | null }>>;
  /** Names the asset of each. */
  named?: boolean;
  empty: ReactNode;
  more: string;
}

export function UpdateItems({ label, query, named = false, empty, more }: Props) {
  return (
    <Answer of={query} skeleton={<Skeleton rows={4} height={36} />}>
      {({ pages }) => {
        const items = pages.flatMap((page) => page.items);
        if (items.length === 0) return empty;
        return (
          <>
            <ul className="items" aria-label={label}>
              {items.map((update) => (
                <Item key={update.id} update={update} named={named} />
              ))}
            </ul>
            {query.hasNextPage && (
              <div className="pad16">
                <NextPage query={query}>{more}</NextPage>
              </div>
            )}
          </>
        );
      }}
    </Answer>
  );
}

function Item({ update, named }: { update: AssetUpdate; named: boolean }) {
  const { asset, at, partition, metadata, created = [] } = update;
  return (
    <li>
      <div className="top">
        {named && (
          <span className="sb wrapany">
            <AssetLink asset={asset} />
          </span>
        )}
        <span className={named ? "mut" : "sb"}>
          <Time at={at} />
        </span>
        {partition && (
          <span className="asset-part wrapany" title="Partition">
            <span className="vh">partition </span>
            <UntrustedText max={250}>{partition}</UntrustedText>
          </span>
        )}
      </div>
      <dl className="kv">
        <dt>{update.made_by ? "Made by" : "Reported by"}</dt>
        <dd>
          <Maker update={update} />
        </dd>
        {created.length > 0 && (
          <>
            <dt>Created</dt>
            <dd>
              {created.map(({ dag, run }) => (
                <div key={run}>
                  <RunLink dag={dag} run={run} className="ul" /> <span className="mut">of</span> <DagLink dag={dag} />
                </div>
              ))}
            </dd>
          </>
        )}
        {metadata && (
          <>
            <dt>Metadata</dt>
            <dd>
              <JsonTree value={metadata} />
            </dd>
          </>
        )}
      </dl>
    </li>
  );
}

function Maker({ update: { made_by: by, reported_by } }: { update: AssetUpdate }) {
  if (!by) return reported_by ? <UntrustedText max={100}>{reported_by}</UntrustedText> : <>unknown</>;
  const { dag, run, task, index, version } = by;
  return (
    <>
      <InstanceLink dag={dag} run={run} task={task} index={index} className="ul" /> <span className="mut">in run</span>{" "}
      <RunLink dag={dag} run={run} className="ul" /> <span className="mut">of</span> <DagLink dag={dag} />
      <span className="mut">, version {version}</span>
    </>
  );
}
