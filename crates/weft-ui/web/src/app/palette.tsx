/** The command palette: what is here, DAGs, runs by id, places, commands. Matches by pieces of words. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useLocation, useNavigate } from "@tanstack/react-router";
import MiniSearch from "minisearch";
import { type ReactNode, useMemo, useState } from "react";
import { Dialog, Modal, ModalOverlay } from "react-aria-components";
import { assets as assetsQuery } from "../api/assets";
import { dag as dagQuery, dagsWithRuns } from "../api/queries";
import type { DagDetail } from "../api/types";
import { Icon, type IconName } from "../parts/icons";
import { Kbd, UntrustedText } from "../parts/text";
import { announce } from "../parts/toast";
import { Mark } from "../state/mark";
import { type MarkState, runMark } from "../state/states";
import { useMe } from "./me";
import { nextZone, theme } from "./prefs";
import "../styles/palette.css";

interface Entry {
  id: string;
  group: string;
  text: string;
  note?: string;
  keys?: string;
  icon?: IconName;
  mark?: MarkState;
  to?: string;
  act?: () => void;
}

const MAX_SHOWN = 40;

function hereEntries(path: string, detail: DagDetail | undefined, may: (p: string) => boolean): Entry[] {
  const [, area, dag, kind, run] = path.split("/");
  if (area !== "dags" || !dag) return [];
  const base = `/dags/${dag}`;
  const name = decodeURIComponent(dag);
  const out: Entry[] = [];
  if (may("operate")) {
    out.push({ id: "trigger", group: "Here", text: `Trigger ${name}`, icon: "play", keys: "t", to: `${base}/trigger` });
  }
  for (const tab of ["grid", "graph", "gantt", "calendar", "durations", "schedule", "webhooks", "code", "settings"]) {
    out.push({ id: `tab ${tab}`, group: "Here", text: `${name}: ${tab}`, icon: "dags", to: `${base}/${tab}` });
  }
  if (kind === "runs" && run) {
    for (const task of detail?.tasks ?? []) {
      out.push({
        id: `task ${task.id}`,
        group: "Tasks of this run",
        text: task.id,
        icon: "view",
        note: "logs",
        to: `${base}/runs/${run}/tasks/${encodeURIComponent(task.id)}/logs`,
      });
    }
  }
  return out;
}

function useEntries(): Entry[] {
  const path = useLocation({ select: (l) => l.pathname });
  const me = useMe();
  const list = useQuery(dagsWithRuns);
  const data = useQuery(assetsQuery);
  const at = path.split("/")[1] === "dags" ? path.split("/")[2] : undefined;
  const cache = useQueryClient();
  return useMemo(() => {
    const may = (p: string) => me.permissions.includes(p);
    const detail = at ? cache.getQueryData<DagDetail>(dagQuery(decodeURIComponent(at)).queryKey) : undefined;
    const places: [string, string, IconName, string][] = [
      ["Home", "/", "home", "g h"],
      ["DAGs", "/dags", "dags", "g d"],
      ["Runs", "/runs", "runs", "g r"],
      ["Failed runs", "/runs?state=failed", "runs", ""],
      ["Assets", "/assets", "assets", ""],
      ["Approvals: what tasks ask people", "/approvals", "approvals", ""],
      ["Fleet", "/fleet", "fleet", "g f"],
      ["Admin, variables", "/admin/variables", "admin", "g a"],
      ["Admin, connections", "/admin/connections", "admin", ""],
      ["Admin, pools", "/admin/pools", "admin", ""],
      ["Admin, notifications", "/admin/notifications", "admin", ""],
    ];
    return [
      ...hereEntries(path, detail, may),
      ...(list.data ?? []).map(
        (dag): Entry => ({
          id: `dag ${dag.id}`,
          group: "DAGs",
          text: dag.id,
          note: [dag.schedule, ...dag.tags].filter(Boolean).join(", "),
          mark: dag.recent?.[0] ? runMark(dag.recent[0].state) : "none",
          to: `/dags/${encodeURIComponent(dag.id)}/grid`,
        }),
      ),
      ...(data.data ?? []).map(
        ({ asset }): Entry => ({
          id: `asset ${asset}`,
          group: "Assets",
          text: asset,
          icon: "assets",
          to: `/assets/show?asset=${encodeURIComponent(asset)}`,
        }),
      ),
      ...places.map(([text, to, icon, keys]): Entry => ({ id: `go ${to}`, group: "Go to", text, to, icon, keys })),
      {
        id: "zone",
        group: "Settings",
        text: "Next time zone",
        icon: "clock",
        keys: "z",
        act: () => announce(`Times: ${nextZone()}`),
      },
      ...(["light", "dark", "system"] as const).map(
        (t): Entry => ({
          id: `theme ${t}`,
          group: "Settings",
          text: `Theme: ${t}`,
          icon: "sun",
          act: () => theme.set(t),
        }),
      ),
    ];
  }, [path, list.data, data.data, me, at, cache]);
}

const RUN_ID = /^[0-9a-z]{13}$/i;

function useFound(entries: Entry[], query: string): Entry[] {
  const index = useMemo(() => {
    const made = new MiniSearch<Entry>({
      fields: ["text", "note"],
      tokenize: (text) => text.split(/[\s_.\-/,:]+/).filter(Boolean),
      searchOptions: { prefix: true, fuzzy: 0.15, boost: { text: 3 }, combineWith: "AND" },
    });
    made.addAll(entries);
    return made;
  }, [entries]);
  return useMemo(() => {
    const q = query.trim();
    if (!q) return entries.slice(0, MAX_SHOWN);
    const byId = new Map(entries.map((e) => [e.id, e]));
    const low = q.toLowerCase();
    // Pieces inside words first as they are written, then what the index finds besides.
    const inside = entries.filter((e) => e.text.toLowerCase().includes(low));
    const found = index.search(q).flatMap((hit) => byId.get(hit.id as string) ?? []);
    const order = [...new Set([...inside, ...found])];
    if (RUN_ID.test(q))
      order.unshift({ id: `run ${q}`, group: "Runs", text: `Run ${q}`, icon: "runs", to: `/runs?q=${q}` });
    const groups = [...new Set(entries.map((e) => e.group))];
    return order.slice(0, MAX_SHOWN).sort((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group));
  }, [entries, index, query]);
}

function Found({ text, query }: { text: string; query: string }): ReactNode {
  const at = query ? text.toLowerCase().indexOf(query.toLowerCase()) : -1;
  if (at < 0) return <UntrustedText>{text}</UntrustedText>;
  return (
    <bdi>
      {text.slice(0, at)}
      <b>{text.slice(at, at + query.length)}</b>
      {text.slice(at + query.length)}
    </bdi>
  );
}

export function Palette({ onClose }: { onClose: () => void }) {
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const navigate = useNavigate();
  const found = useFound(useEntries(), query);
  const choose = (entry: Entry | undefined, newTab: boolean) => {
    if (!entry) return;
    onClose();
    if (entry.act) entry.act();
    else if (entry.to && newTab) window.open(new URL(`.${entry.to}`, document.baseURI), "_blank", "noopener");
    else if (entry.to) {
      const [to, search] = entry.to.split("?");
      void navigate({ to: to as never, search: Object.fromEntries(new URLSearchParams(search ?? "")) as never });
    }
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by !== undefined) {
      event.preventDefault();
      const next = (at + by + found.length) % Math.max(1, found.length);
      setAt(next);
      document.getElementById(`pal-${next}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(found[at], event.ctrlKey || event.metaKey);
    }
  };
  return (
    <ModalOverlay className="overlay pal-over" isOpen isDismissable onOpenChange={(open) => !open && onClose()}>
      <Modal className="pal">
        <Dialog aria-label="Command palette">
          <div className="q">
            <Icon name="search" />
            <input
              role="combobox"
              aria-expanded="true"
              aria-controls="pal-list"
              aria-activedescendant={found[at] ? `pal-${at}` : undefined}
              aria-label="Search and commands"
              placeholder="DAGs, tasks, places, commands"
              value={query}
              autoFocus
              spellCheck={false}
              onChange={(event) => {
                setQuery(event.target.value);
                setAt(0);
              }}
              onKeyDown={onKeyDown}
            />
            <Kbd>Esc</Kbd>
          </div>
          <div id="pal-list" role="listbox" aria-label="Results" className="list">
            {found.map((entry, i) => (
              <div key={entry.id}>
                {entry.group !== found[i - 1]?.group && (
                  <div className="s" aria-hidden="true">
                    {entry.group}
                  </div>
                )}
                {/* biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keyboard */}
                <div
                  id={`pal-${i}`}
                  role="option"
                  aria-selected={i === at}
                  className={i === at ? "o on" : "o"}
                  onClick={(event) => choose(entry, event.ctrlKey || event.metaKey)}
                  onPointerMove={() => i !== at && setAt(i)}
                >
                  {entry.mark ? <Mark state={entry.mark} /> : <Icon name={entry.icon ?? "right"} />}
                  <span className="el">
                    <Found text={entry.text} query={query.trim()} />
                  </span>
                  <span className="sp" />
                  {entry.note && <span className="mut t12 el">{entry.note}</span>}
                  {entry.keys && <Kbd>{entry.keys}</Kbd>}
                </div>
              </div>
            ))}
            {found.length === 0 && <div className="empty">Nothing is called that.</div>}
          </div>
          <div className="ft">
            <span className="row g4">
              <Kbd>↑</Kbd>
              <Kbd>↓</Kbd> choose
            </span>
            <span className="row g4">
              <Kbd>⏎</Kbd> open
            </span>
            <span className="row g4">
              <Kbd>Ctrl ⏎</Kbd> new tab
            </span>
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
