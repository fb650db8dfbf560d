/** What updates an asset and what its updates create, side by side; below each other on narrow screens. */
import type { ReactNode } from "react";
import type { Asset } from "../../api/types";
import { Go } from "../../parts/go";
import { Icon } from "../../parts/icons";
import { DagLink } from "../../parts/links";
import { Time, UntrustedText } from "../../parts/text";

/** A task in its DAG's graph. */
export function ProducerLink({ of: { dag, task } }: { of: Asset["producers"][number] }) {
  return (
    <Go target={{ to: "/dags/$dag/$tab", params: { dag, tab: "graph" }, search: { task } }} className="lk">
      <UntrustedText>{dag}</UntrustedText> / <UntrustedText>{task}</UntrustedText>
    </Go>
  );
}

export function Lineage({ asset: { asset, producers, consumers, updated } }: { asset: Asset }) {
  return (
    <div className="lineage pad16">
      <Side title="Tasks that update it" empty="No task of an active version: its updates are reported.">
        {producers.map((of) => (
          <li key={`${of.dag}/${of.task}`}>
            <ProducerLink of={of} />
          </li>
        ))}
      </Side>
      <Icon name="right" />
      <div className="lineage-asset">
        <div className="m wrapany">
          <UntrustedText max={250}>{asset}</UntrustedText>
        </div>
        <div className="mut">
          {updated ? (
            <>
              updated <Time at={updated} form="relative" />
            </>
          ) : (
            "never updated"
          )}
        </div>
      </div>
      <Icon name="right" />
      <Side title="DAGs whose runs it creates" empty="No active version has a condition on it.">
        {consumers.map((dag) => (
          <li key={dag}>
            <DagLink dag={dag} tab="schedule" />
          </li>
        ))}
      </Side>
    </div>
  );
}

function Side({ title, empty, children }: { title: string; empty: string; children: ReactNode[] }) {
  return (
    <div className="lineage-side">
      <h3>{title}</h3>
      {children.length > 0 ? <ul aria-label={title}>{children}</ul> : <span className="mut">{empty}</span>}
    </div>
  );
}
