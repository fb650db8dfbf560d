/** The times of creation that a list of runs is filtered by, from the address: the last hours, or a range in the viewer's zone. Pure. */
import { fromWall } from "../../lib/time";

export const SINCE = [
  { id: "", label: "Any time" },
  { id: "1h", label: "Last hour" },
  { id: "24h", label: "Last 24 hours" },
  { id: "7d", label: "Last 7 days" },
  { id: "range", label: "Created between…" },
] as const;

const HOURS: Record<string, number> = { "1h": 1, "24h": 24, "7d": 7 * 24 };
const HOUR = 3_600_000;
const MINUTE = 60_000;

export interface Created {
  from?: string | undefined;
  before?: string | undefined;
}

const iso = (at: number | undefined): string | undefined => (at === undefined ? undefined : new Date(at).toISOString());

/** What the address says, as points in time. Whole minutes, so that the same list is read while a minute lasts. */
export function created(since: string, from: string, until: string, zone: string, now: number): Created {
  if (since === "range") return { from: iso(fromWall(from, zone)), before: iso(fromWall(until, zone)) };
  const hours = HOURS[since];
  return hours ? { from: iso(Math.floor(now / MINUTE) * MINUTE - hours * HOUR) } : {};
}
