/** Destinations of notifications: how they are reached, what they are notified of, how their last delivery ended. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { deliveries as deliveriesQuery, destinationPath, destinations } from "../../api/notify";
import type { Delivery, Destination } from "../../api/types";
import { useMay } from "../../app/me";
import { lastOf, stateOf } from "../../lib/delivery";
import { DagLink } from "../../parts/links";
import { Answer, Box, Empty } from "../../parts/states";
import { Time, UntrustedText } from "../../parts/text";
import { Badge } from "../../state/mark";
import { Deliveries } from "./deliveries";
import { kindName } from "./destination";
import { DestinationForm } from "./destination-form";
import { Remove } from "./remove";
import { SendTest, TestOutcome } from "./send-test";
import "../../parts/form.css";
import "./notifications.css";

export function Notifications() {
  const query = useQuery(destinations);
  const newest = useInfiniteQuery(deliveriesQuery(""));
  const recent = newest.data?.pages.flatMap((page) => page.items);
  const settle = useMay("settle");
  const [form, setForm] = useState<{ old?: Destination }>();
  const names = query.data?.map((d) => d.name) ?? [];
  return (
    <>
      <Box
        title="Destinations"
        note="notified of runs that fail, recover or succeed"
        actions={
          settle && (
            <button type="button" className="btn sm" onClick={() => setForm({})}>
              Add destination…
            </button>
          )
        }
      >
        <Answer of={query}>
          {(list) =>
            list.length === 0 ? (
              <Empty>
                <b>There is no destination yet</b>
                {settle
                  ? ": add one to be notified of failures in Slack, in PagerDuty, by e-mail, or by a program of your own."
                  : ": no notifications are sent."}
              </Empty>
            ) : (
              <ul className="items" aria-label="Destinations">
                {list.map((d) => (
                  <Row
                    key={d.name}
                    destination={d}
                    last={recent && lastOf(recent, d.name)}
                    settle={settle}
                    onReplace={() => setForm({ old: d })}
                  />
                ))}
              </ul>
            )
          }
        </Answer>
      </Box>
      <Deliveries destinations={names} />
      {form && <DestinationForm old={form.old} taken={names} onClose={() => setForm(undefined)} />}
    </>
  );
}

interface RowProps {
  destination: Destination;
  /** The newest of its deliveries that are known. */
  last: Delivery | undefined;
  settle: boolean;
  onReplace: () => void;
}

function Row({ destination: d, last, settle, onReplace }: RowProps) {
  const [test, setTest] = useState<number>();
  return (
    <li>
      <div className="top">
        <span className="sb">
          <UntrustedText>{d.name}</UntrustedText>
        </span>
        <span className="tag">{kindName(d.kind)}</span>
        {last && <LastDelivery delivery={last} />}
      </div>
      <div className="wrapany">
        <UntrustedText max={400}>{d.address}</UntrustedText>
      </div>
      <div className="mut wrapany">
        {d.on.join(", ")} <Of destination={d} />
      </div>
      {settle && (
        <div className="acts">
          <SendTest name={d.name} onSent={setTest} />
          <button type="button" className="btn sm" onClick={onReplace} aria-label={`Replace ${d.name}`}>
            Replace…
          </button>
          <Remove
            what={d.name}
            path={destinationPath(d.name)}
            reread="destinations"
            consequence="It is notified of nothing from then on, and what is on its way to it is given up."
          />
        </div>
      )}
      {test !== undefined && <TestOutcome id={test} onClose={() => setTest(undefined)} />}
    </li>
  );
}

/** `of all DAGs`, or of which. */
function Of({ destination: { dags, tags } }: { destination: Destination }) {
  if (dags.length === 0 && tags.length === 0) return "of all DAGs";
  return (
    <>
      {dags.length > 0 && "of "}
      {dags.map((dag, i) => (
        <span key={dag}>
          {i > 0 && ", "}
          <DagLink dag={dag} className="ul" />
        </span>
      ))}
      {tags.length > 0 && (dags.length > 0 ? ", and of DAGs tagged " : "of DAGs tagged ")}
      <UntrustedText max={400}>{tags.join(", ")}</UntrustedText>
    </>
  );
}

function LastDelivery({ delivery }: { delivery: Delivery }) {
  const { state, label } = stateOf(delivery);
  return (
    <span className="row g8">
      <Badge state={state}>{label}</Badge>
      <span className="mut">
        <Time at={delivery.ended ?? delivery.last_attempt ?? delivery.created} form="relative" />
      </span>
    </span>
  );
}
