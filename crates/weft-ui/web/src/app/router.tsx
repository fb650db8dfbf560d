/** The routes: `shared` parts are in the first load, views come when they are needed. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
  Outlet,
} from "@tanstack/react-router";
import { BASE } from "../lib/base";
import { Failure } from "../parts/states";
import type { Ahead } from "./ahead";
import * as ahead from "./ahead";
import { NotHere } from "./missing";
import { parse, stringify, validate } from "./search";

type Texts = Parameters<Ahead>[0];

const root = createRootRoute({ component: Outlet, validateSearch: validate, notFoundComponent: NotHere });

const at = <Path extends string>(path: Path, component: ReturnType<typeof lazyRouteComponent>, begin?: Ahead) =>
  createRoute({
    getParentRoute: () => root,
    path,
    component,
    loader: ({ params, location }) => begin?.(params as Texts, location.search as Texts),
  });

const home = at(
  "/",
  lazyRouteComponent(() => import("../views/home/home"), "Home"),
  ahead.home,
);
const dags = at(
  "/dags",
  lazyRouteComponent(() => import("../views/dags/dags"), "Dags"),
  ahead.listOfDags,
);
const dagRoot = createRoute({
  getParentRoute: () => root,
  path: "/dags/$dag",
  component: function ToGrid() {
    const { dag } = dagRoot.useParams();
    return <Navigate to="/dags/$dag/$tab" params={{ dag, tab: "grid" }} replace />;
  },
});
const dag = at(
  "/dags/$dag/$tab",
  lazyRouteComponent(() => import("../views/dag/dag"), "DagPage"),
  ahead.ofDag,
);
const trigger = at(
  "/dags/$dag/trigger",
  lazyRouteComponent(() => import("../views/trigger/trigger"), "Trigger"),
);
const runRoot = createRoute({
  getParentRoute: () => root,
  path: "/dags/$dag/runs/$run",
  component: function ToOverview() {
    const { dag, run } = runRoot.useParams();
    return <Navigate to="/dags/$dag/runs/$run/$tab" params={{ dag, run, tab: "overview" }} replace />;
  },
});
const run = at(
  "/dags/$dag/runs/$run/$tab",
  lazyRouteComponent(() => import("../views/run/run"), "RunPage"),
  ahead.ofRun,
);
const task = at(
  "/dags/$dag/runs/$run/tasks/$task/$tab",
  lazyRouteComponent(() => import("../views/task/task"), "TaskPage"),
  ahead.ofTask,
);
const mapped = at(
  "/dags/$dag/runs/$run/tasks/$task/$index/$tab",
  lazyRouteComponent(() => import("../views/task/task"), "MappedTaskPage"),
  ahead.ofTask,
);
const runs = at(
  "/runs",
  lazyRouteComponent(() => import("../views/runs/runs"), "Runs"),
  ahead.listOfRuns,
);
const assets = at(
  "/assets",
  lazyRouteComponent(() => import("../views/assets/assets"), "Assets"),
  ahead.listOfAssets,
);
// The name is a parameter, since it may hold slashes.
const asset = at(
  "/assets/show",
  lazyRouteComponent(() => import("../views/assets/asset"), "AssetPage"),
  ahead.ofAsset,
);
const backfills = at(
  "/backfills",
  lazyRouteComponent(() => import("../views/backfills/backfills"), "Backfills"),
);
const approvals = at(
  "/approvals",
  lazyRouteComponent(() => import("../views/approvals/approvals"), "Approvals"),
  ahead.listOfApprovals,
);
const fleet = at(
  "/fleet",
  lazyRouteComponent(() => import("../views/fleet/fleet"), "Fleet"),
);
const admin = at(
  "/admin/$tab",
  lazyRouteComponent(() => import("../views/admin/admin"), "Admin"),
);

const routeTree = root.addChildren([
  home,
  dags,
  dagRoot,
  dag,
  trigger,
  runRoot,
  run,
  task,
  mapped,
  runs,
  assets,
  asset,
  approvals,
  backfills,
  fleet,
  admin,
]);

export const router = createRouter({
  routeTree,
  basepath: BASE,
  parseSearch: parse,
  stringifySearch: stringify,
  defaultPreload: "intent",
  defaultPendingMs: 200,
  scrollRestoration: true,
  defaultErrorComponent: ({ error, reset }) => <Failure error={error} retry={reset} />,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
