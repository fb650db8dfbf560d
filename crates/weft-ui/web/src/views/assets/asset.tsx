/** An asset: its lineage and its updates. The address names it as a parameter, since names may hold slashes. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Navigate } from "@tanstack/react-router";
import { asset as assetQuery, updates } from "../../api/assets";
import type { Asset } from "../../api/types";
import { Head } from "../../app/head";
import { useParam } from "../../app/search";
import { plural } from "../../lib/text";
import { Go } from "../../parts/go";
import { Answer, Box, Empty, Skeleton } from "../../parts/states";
import { CopyButton, Time, UntrustedText } from "../../parts/text";
import { Lineage } from "./lineage";
import { ReportButton } from "./report-button";
import { UpdateItems } from "./update-items";
import "./assets.css";

export function AssetPage() {
  const [name] = useParam("asset");
  return name ? <Named name={name} /> : <Navigate to="/assets" replace />;
}

function Named({ name }: { name: string }) {
  const query = useQuery(assetQuery(name));
  const found = query.data;
  return (
    <>
      <Head
        title={name}
        crumbs={[{ label: "Assets", to: { to: "/assets" } }]}
        actions={found && <ReportButton asset={name} />}
      />
      <div className="body">
        <Answer of={query} skeleton={<Skeleton rows={8} height={20} />}>
          {(asset) =>
            asset === null ? (
              <Empty>
                <b>There is no asset of this name</b>: no active version names it, and it was never updated.{" "}
                <Go target={{ to: "/assets" }} className="btn sm">
                  All assets
                </Go>
              </Empty>
            ) : (
              <div className="pad col g16">
                <Box title="Asset">
                  <dl className="kv pad16">
                    <dt>Name</dt>
                    <dd className="row g8 wrapflex">
                      <code className="wrapany">
                        <UntrustedText max={250}>{asset.asset}</UntrustedText>
                      </code>
                      <CopyButton text={asset.asset} />
                    </dd>
                    <dt>Last update</dt>
                    <dd>{asset.updated ? <Time at={asset.updated} /> : "never"}</dd>
                    <dt>Updated by</dt>
                    <dd>{plural(asset.producers.length, "task")}</dd>
                    <dt>Creates runs</dt>
                    <dd>of {plural(asset.consumers.length, "DAG")}</dd>
                  </dl>
                </Box>
                <Box title="Lineage" note="of active versions">
                  <Lineage asset={asset} />
                </Box>
                <Updates asset={asset} />
              </div>
            )
          }
        </Answer>
      </div>
    </>
  );
}

function Updates({ asset: { asset, updated } }: { asset: Asset }) {
  const query = useInfiniteQuery(updates(asset));
  return (
    <Box title="Updates" note="the newest first">
      <UpdateItems
        label="Updates"
        query={query}
        more="Earlier updates"
        empty={
          <Empty>{updated ? "Its updates are deleted with the runs that made them." : "It was never updated."}</Empty>
        }
      />
    </Box>
  );
}
