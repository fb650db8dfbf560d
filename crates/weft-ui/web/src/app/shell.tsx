/** The shell: sidebar, the page, keys that work everywhere. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useLocation, useNavigate, useRouter } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import { dags, runs } from "../api/queries";
import { lostAt } from "../api/stream";
import { useNow } from "../lib/clock";
import { useStore } from "../lib/store";
import { clock } from "../lib/time";
import { Icon, Logo } from "../parts/icons";
import { Kbd } from "../parts/text";
import { announce, Toasts } from "../parts/toast";
import { Mark } from "../state/mark";
import { runMark } from "../state/states";
import { Account } from "./account";
import { BottomBar } from "./bottom-bar";
import { useKeys } from "./keys";
import { useMe } from "./me";
import { isAt, type Place, usePlaces } from "./places";
import { nextZone, pinned, rail, useZone, VIEWER_ZONE, views, zone } from "./prefs";
import { Tour } from "./tour";

const Palette = lazy(() => import("./palette").then((m) => ({ default: m.Palette })));
const KeysHelp = lazy(() => import("./keys-help").then((m) => ({ default: m.KeysHelp })));

/** When the first view has long been drawn. */
const IDLE_MS = 1500;

const ZONE_NAME = { viewer: VIEWER_ZONE, dag: "DAG's zone", utc: "UTC" } as const;

export function Shell({ children }: { children?: ReactNode }) {
  const folded = useStore(rail);
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const navigate = useNavigate();
  const router = useRouter();
  const go = (to: string) => () => void navigate({ to: to as never });
  useKeys({
    "Ctrl-K": () => setPalette((open) => !open),
    "/": () => {
      const field = document.querySelector<HTMLInputElement>("main [data-search]");
      if (field) field.focus();
      else setPalette(true);
    },
    "?": () => setHelp(true),
    z: () => announce(`Times in ${ZONE_NAME[nextZone()]}`),
    "g h": go("/"),
    "g d": go("/dags"),
    "g r": go("/runs"),
    "g f": go("/fleet"),
    "g a": go("/admin/variables"),
  });
  useEffect(() => {
    // Views that may come next are loaded when there is nothing else to do.
    const load = () => {
      for (const to of ["/dags", "/runs", "/fleet"])
        void router.preloadRoute({ to: to as never }).catch(() => undefined);
      void import("./palette").catch(() => undefined);
    };
    const handle = setTimeout(load, IDLE_MS);
    return () => clearTimeout(handle);
  }, [router]);
  return (
    <div className={folded ? "app rail" : "app"}>
      <a className="skip" href="#main">
        To the content
      </a>
      <Sidebar folded={folded} onSearch={() => setPalette(true)} />
      <main id="main" tabIndex={-1}>
        <Offline />
        {children}
      </main>
      <BottomBar onSearch={() => setPalette(true)} />
      <Suspense>
        {palette && <Palette onClose={() => setPalette(false)} />}
        {help && <KeysHelp onClose={() => setHelp(false)} />}
      </Suspense>
      <Tour />
      <Toasts />
    </div>
  );
}

function Sidebar({ folded, onSearch }: { folded: boolean; onSearch: () => void }) {
  const places = usePlaces();
  const path = useLocation({ select: (l) => l.pathname });
  return (
    <nav className="side" aria-label="Main">
      <div className="brand">
        <Logo />
        {!folded && (
          <>
            <span className="lbl">Weft</span>
            <Tenant />
          </>
        )}
      </div>
      <button type="button" className="find" onClick={onSearch} aria-label="Search and commands">
        <Icon name="search" size={folded ? 16 : 14} />
        {!folded && (
          <>
            <span className="sp lbl">Search</span>
            <span className="lbl">
              <Kbd>Ctrl K</Kbd>
            </span>
          </>
        )}
      </button>
      {places.map((place) => (
        <NavLink key={place.to} place={place} path={path} folded={folded} />
      ))}
      {!folded && <SavedViews />}
      {!folded && <Pinned />}
      <div className="foot">
        {!folded && <ZoneButton />}
        <Account folded={folded} />
        <button
          type="button"
          className="nav mut"
          aria-label={folded ? "Unfold the sidebar" : "Fold the sidebar"}
          onClick={() => rail.set(!folded)}
        >
          <Icon name={folded ? "right" : "fold"} />
          {!folded && <span className="lbl">Fold</span>}
        </button>
      </div>
    </nav>
  );
}

function NavLink({ place, path, folded }: { place: Place; path: string; folded: boolean }) {
  const list = useQuery({ ...dags, enabled: place.to === "/dags", notifyOnChangeProps: ["data"] });
  const on = isAt(place, path);
  return (
    <Link
      to={place.to as never}
      className={on ? "nav on" : "nav"}
      aria-label={place.label}
      {...(on ? { "aria-current": "page" as const } : {})}
    >
      <Icon name={place.icon} />
      {!folded && <span className="lbl">{place.label}</span>}
      {!folded && place.to === "/dags" && list.data && list.data.length > 0 && (
        <span className="n">{list.data.length}</span>
      )}
    </Link>
  );
}

function Tenant() {
  const { tenant } = useMe();
  return <span className="env el">{tenant === "default" ? "" : tenant}</span>;
}

function SavedViews() {
  const saved = useStore(views);
  if (saved.length === 0) return null;
  return (
    <>
      <div className="sec">Saved views</div>
      {saved.map((view) => (
        <Link key={view.name} to={view.to as never} className="nav">
          <Icon name="view" size={14} />
          <span className="el lbl">
            <bdi>{view.name}</bdi>
          </span>
        </Link>
      ))}
    </>
  );
}

function Pinned() {
  const names = useStore(pinned);
  if (names.length === 0) return null;
  return (
    <>
      <div className="sec">Pinned</div>
      {names.map((name) => (
        <PinnedDag key={name} name={name} />
      ))}
    </>
  );
}

function PinnedDag({ name }: { name: string }) {
  const newest = useInfiniteQuery(runs({ dag: name }, 1));
  const last = newest.data?.pages[0]?.items[0];
  return (
    <Link to="/dags/$dag/$tab" params={{ dag: name, tab: "grid" }} className="nav">
      <Mark state={last ? runMark(last.state) : "none"} size={14} label />
      <span className="el lbl">
        <bdi>{name}</bdi>
      </span>
    </Link>
  );
}

function ZoneButton() {
  const chosen = useStore(zone);
  const shown = useZone();
  const now = useNow();
  return (
    <button type="button" className="nav" onClick={() => nextZone()} title="Times: yours, the DAG's or UTC (z)">
      <Icon name="clock" />
      <span className="el lbl">{ZONE_NAME[chosen]}</span>
      <span className="n">{clock(now, shown)}</span>
    </button>
  );
}

/** How long a lost connection stays unmentioned. */
const OFFLINE_MS = 3000;

function Offline() {
  const lost = useStore(lostAt);
  return lost === undefined ? null : <OfflineBar lost={lost} />;
}

function OfflineBar({ lost }: { lost: number }) {
  const now = useNow();
  const shown = useZone();
  if (now - lost < OFFLINE_MS) return null;
  return (
    <div className="offline" role="status">
      As of {clock(lost, shown, "s")}: the connection is lost, trying again
    </div>
  );
}
