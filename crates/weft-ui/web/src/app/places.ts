/** The places that the navigation leads to. */
import type { IconName } from "../parts/icons";
import { useMe } from "./me";

export interface Place {
  to: string;
  label: string;
  icon: IconName;
  /** Where it counts as being there. */
  under: string;
}

export function usePlaces(): Place[] {
  const { permissions } = useMe();
  return [
    { to: "/", label: "Home", icon: "home", under: "/" },
    { to: "/dags", label: "DAGs", icon: "dags", under: "/dags" },
    { to: "/runs", label: "Runs", icon: "runs", under: "/runs" },
    { to: "/assets", label: "Assets", icon: "assets", under: "/assets" },
    { to: "/approvals", label: "Approvals", icon: "approvals", under: "/approvals" },
    ...(permissions.includes("operate")
      ? [{ to: "/backfills", label: "Backfills", icon: "backfills", under: "/backfills" } as const]
      : []),
    { to: "/fleet", label: "Fleet", icon: "fleet", under: "/fleet" },
    { to: "/admin/variables", label: "Admin", icon: "admin", under: "/admin" },
  ];
}

export function isAt(place: Place, path: string): boolean {
  return place.under === "/" ? path === "/" : path === place.under || path.startsWith(`${place.under}/`);
}
