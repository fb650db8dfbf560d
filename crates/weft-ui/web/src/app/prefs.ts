/** What a person chose for this browser: theme, zone, keys, sidebar, pinned DAGs, saved views. */
import { remembered, useStore } from "../lib/store";

export type Theme = "system" | "light" | "dark";
export type Zone = "viewer" | "utc" | "dag";
export interface SavedView {
  name: string;
  /** A path below the base with its query. */
  to: string;
}

export const theme = remembered<Theme>("theme", "system");
export const zone = remembered<Zone>("zone", "viewer");
export const singleKeys = remembered<boolean>("keys", true);
export const rail = remembered<boolean>("rail", false);
export const pinned = remembered<string[]>("pinned", []);
export const views = remembered<SavedView[]>("views", []);
export const tourDone = remembered<boolean>("tour", false);

export const VIEWER_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** The zone that times are shown in; `dag` needs the zone of the DAG that is looked at. */
export function useZone(ofDag?: string | null): string {
  const chosen = useStore(zone);
  if (chosen === "utc") return "UTC";
  if (chosen === "dag") return ofDag ?? "UTC";
  return VIEWER_ZONE;
}

export function nextZone(): Zone {
  const order: Zone[] = ["viewer", "dag", "utc"];
  const next = order[(order.indexOf(zone.get()) + 1) % order.length] ?? "viewer";
  zone.set(next);
  return next;
}

function apply(): void {
  const chosen = theme.get();
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}
apply();
theme.subscribe(apply);
