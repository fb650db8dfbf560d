/** A test of a destination, and what came of it. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useReread } from "../../api/acts";
import { post } from "../../api/client";
import { delivery as deliveryQuery, destinationPath } from "../../api/notify";
import type { Delivery } from "../../api/types";
import { stateOf } from "../../lib/delivery";
import { duration, ms } from "../../lib/time";
import { Icon } from "../../parts/icons";
import { Answer, Skeleton } from "../../parts/states";
import { Time, UntrustedText } from "../../parts/text";
import { announce } from "../../parts/toast";
import { Badge } from "../../state/mark";

interface Props {
  name: string;
  /** Gets the delivery's number. */
  onSent: (id: number) => void;
}

export function SendTest({ name, onSent }: Props) {
  const [busy, setBusy] = useState(false);
  const reread = useReread();
  const send = async () => {
    setBusy(true);
    try {
      onSent((await post<Delivery>(`${destinationPath(name)}/test`, {})).id);
      await reread(["deliveries"]);
    } catch (error) {
      announce(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type="button"
      className="btn sm"
      disabled={busy}
      onClick={() => void send()}
      aria-label={`Send a test to ${name}`}
    >
      Send test
    </button>
  );
}

export function TestOutcome({ id, onClose }: { id: number; onClose: () => void }) {
  const query = useQuery(deliveryQuery(id));
  const reread = useReread();
  const state = query.data && `${query.data.state} ${query.data.attempts}`;
  useEffect(() => {
    if (state) void reread(["deliveries"]);
  }, [state, reread]);
  return (
    <div className="outcome">
      <div role="status" className="sp">
        <Answer of={query} skeleton={<Skeleton rows={1} />}>
          {(test) => <Outcome test={test} />}
        </Answer>
      </div>
      <button type="button" className="btn ghost sm" onClick={onClose} aria-label="Close the outcome of the test">
        <Icon name="x" size={12} />
      </button>
    </div>
  );
}

function Outcome({ test }: { test: Delivery }) {
  const { state } = stateOf(test);
  const took = (ms(test.ended) ?? 0) - (ms(test.created) ?? 0);
  return (
    <div className="col g4">
      <Badge state={state}>
        {test.state === "delivered"
          ? `The test was delivered in ${duration(Math.max(0, took))}`
          : test.state === "given_up"
            ? "The test was refused, and is sent no more"
            : test.error
              ? "The test could not be delivered yet"
              : "The test is on its way"}
      </Badge>
      {test.error && (
        <div className="wrapany">
          <UntrustedText max={500}>{test.error}</UntrustedText>
        </div>
      )}
      {test.state === "waiting" && test.error && (
        <div className="mut">
          It is tried again <Time at={test.due} form="relative" />.
        </div>
      )}
    </div>
  );
}
