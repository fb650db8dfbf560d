/** Administration: each tab as the token's rights allow. */
import { useParams } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { Head, Tabs } from "../../app/head";
import { useMe } from "../../app/me";
import { Empty, Skeleton } from "../../parts/states";
import { Audit } from "./audit";
import { Connections } from "./connections";
import { Policy } from "./policy";
import { Pools } from "./pools";
import { Tenants } from "./tenants";
import { Tokens } from "./tokens";
import { Variables } from "./variables";

const Notifications = lazy(() => import("./notifications").then((m) => ({ default: m.Notifications })));

interface AdminTab {
  id: string;
  label: string;
  view: React.ComponentType;
  needs?: string;
  everywhere?: boolean;
}

const TABS: AdminTab[] = [
  { id: "variables", label: "Variables", view: Variables },
  { id: "connections", label: "Connections", view: Connections },
  { id: "pools", label: "Pools", view: Pools },
  { id: "notifications", label: "Notifications", view: Notifications },
  { id: "policy", label: "Policy", view: Policy },
  { id: "tokens", label: "Tokens", view: Tokens, needs: "tokens" },
  { id: "tenants", label: "Tenants", view: Tenants, needs: "govern", everywhere: true },
  { id: "audit", label: "Audit", view: Audit, needs: "audit" },
];

export function Admin() {
  const { tab } = useParams({ strict: false }) as { tab: string };
  const me = useMe();
  const tabs = TABS.filter((t) => (!t.needs || me.permissions.includes(t.needs)) && (!t.everywhere || me.everywhere));
  const at = tabs.find((t) => t.id === tab);
  const View = at?.view;
  return (
    <>
      <Head title="Admin" open />
      <Tabs
        label="Administration"
        at={tab}
        tabs={tabs.map((t) => ({ id: t.id, label: t.label, to: { to: "/admin/$tab", params: { tab: t.id } } }))}
      />
      <div className="body">
        <div className="pad col g16">
          <Suspense fallback={<Skeleton />}>
            {View ? <View /> : <Empty>Your token does not permit seeing this.</Empty>}
          </Suspense>
        </div>
      </div>
    </>
  );
}
