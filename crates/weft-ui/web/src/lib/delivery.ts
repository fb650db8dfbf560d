/** The states of deliveries of notifications, and when to read them again. Pure. */
import type { Delivery } from "../api/types";
import type { MarkState } from "../state/states";
import { ms } from "./time";

interface Shown {
  state: MarkState;
  label: string;
}

export function stateOf({ state, attempts, error }: Pick<Delivery, "state" | "attempts" | "error">): Shown {
  if (state === "delivered") return { state: "success", label: "Delivered" };
  if (state === "given_up") return { state: "failed", label: "Given up" };
  // The first attempt is under way until it has failed.
  return attempts > 0 && error ? { state: "up_for_retry", label: "Retrying" } : { state: "queued", label: "Waiting" };
}

/** What the newest deliveries say of a destination; undefined if none of them went there. The newest first. */
export function lastOf(deliveries: readonly Delivery[], destination: string): Delivery | undefined {
  const own = deliveries.filter((d) => d.destination === destination);
  // One that could not be delivered so far says more than one that has not been tried.
  return own.find((d) => stateOf(d).state === "up_for_retry") ?? own.find((d) => d.attempts > 0) ?? own[0];
}

/** What is due is tried and answered this much later, unless it is overdue. */
const SOON_MS = 1000;
const OVERDUE_MS = 5000;
/** No attempt takes longer. */
const MAX_SEND_MS = 30_000;

/** How long until a waiting delivery may have been tried again; false if none waits, since then nothing changes. */
export function untilDue(deliveries: readonly Delivery[], now: number): number | false {
  const waiting = deliveries.filter((d) => d.state === "waiting");
  return waiting.length > 0 && Math.min(...waiting.map((d) => untilChange(d, now)));
}

function untilChange(delivery: Delivery, now: number): number {
  const left = (ms(delivery.due) ?? now) - now;
  if (left < -OVERDUE_MS) return OVERDUE_MS;
  const next = Math.max(0, left) + SOON_MS;
  // The API does not say whether the last attempt is still under way. It is looked at after 1, 2, 4, 8 and 16 s.
  const since = now - (ms(delivery.last_attempt) ?? Number.NEGATIVE_INFINITY);
  return since < MAX_SEND_MS ? Math.min(next, Math.max(SOON_MS, since)) : next;
}
