/** The condition on assets that creates runs of a DAG, in words. */
import { useQuery } from "@tanstack/react-query";
import { Fragment } from "react";
import { version as versionQuery } from "../../api/queries";
import type { DagDetail } from "../../api/types";
import { type Condition, conditionOf } from "../../lib/asset-condition";
import { AssetLink } from "../../parts/links";
import { UntrustedText } from "../../parts/text";

/** The condition of the DAG's active version; undefined until its document is here, or if it has none. */
export function useCondition(dag: DagDetail): Condition | undefined {
  const query = useQuery({ ...versionQuery(dag.id, dag.version ?? 0), enabled: Boolean(dag.version) });
  return conditionOf(query.data?.document);
}

/** `orders is updated, and (a is updated, or b was updated within 1d)`. */
export function ConditionWords({ of, nested = false }: { of: Condition; nested?: boolean }) {
  if (of.kind === "updated")
    return (
      <>
        <AssetLink asset={of.asset} className="ul" /> is updated
      </>
    );
  if (of.kind === "within")
    return (
      <>
        <AssetLink asset={of.asset} className="ul" /> was updated within{" "}
        <UntrustedText max={40}>{of.within}</UntrustedText>
      </>
    );
  return (
    <>
      {nested && "("}
      {of.of.map((part, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a version never change
        <Fragment key={i}>
          {i > 0 && (of.kind === "all" ? " and " : " or ")}
          <ConditionWords of={part} nested />
        </Fragment>
      ))}
      {nested && ")"}
    </>
  );
}
