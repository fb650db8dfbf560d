/** The log of an attempt: live, with search, levels, links to lines, a ruler of hits and errors, download. */
import { useLocation, useNavigate } from "@tanstack/react-router";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { Instance } from "../../api/types";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { LEVELS, type Level, linesOf, patternOf, plain } from "../../lib/log";
import { count } from "../../lib/text";
import { SearchField } from "../../parts/controls";
import { Icon } from "../../parts/icons";
import { Empty, Failure, Skeleton } from "../../parts/states";
import { CopyButton } from "../../parts/text";
import { Line } from "./log-line";
import { LogScroll, type ScrollApi } from "./log-scroll";
import { LogStore } from "./log-store";
import { Ruler } from "./ruler";
import "./logs.css";

interface Props {
  run: string;
  instance: Instance;
  attempt: number;
  /** The attempt failed: its end is what is looked for. */
  failed: boolean;
  zone: string | null | undefined;
}

function useLog(run: string, task: string, index: number, attempt: number) {
  const [store, setStore] = useState<LogStore>();
  useEffect(() => {
    const made = new LogStore({ run, task, index, attempt });
    setStore(made);
    made.start();
    return () => made.close();
  }, [run, task, index, attempt]);
  return store;
}

export function Logs(props: Props) {
  const { run, instance, attempt } = props;
  const store = useLog(run, instance.task, instance.index, attempt);
  if (!store) return <Skeleton rows={12} height={12} gap={8} />;
  return <LogView key={`${instance.task} ${instance.index} ${attempt}`} {...props} store={store} />;
}

function LogView({ run, instance, attempt, failed, zone: ofDag, store }: Props & { store: LogStore }) {
  const state = useSyncExternalStore(store.subscribe, store.snapshot);
  const zone = useZone(ofDag);
  const [q, setQ] = useParam("q");
  const [hidden, setHidden] = useParam("level");
  const [wrap, setWrap] = useParam("wrap");
  const hash = useLocation({ select: (l) => l.hash });
  const navigate = useNavigate();
  const api = useRef<ScrollApi>(null);
  const [follow, setFollow] = useState(!hash);
  const [hit, setHit] = useState(0);
  const [seen, setSeen] = useState(0);
  const pattern = useMemo(() => patternOf(q), [q]);
  const searched = useDeferredValue(pattern);
  const off = useMemo(() => new Set(hidden.split(",").filter(Boolean)), [hidden]);
  const version = useDeferredValue(state.version);

  /** Places of the lines that are shown; undefined is all. */
  // biome-ignore lint/correctness/useExhaustiveDependencies: the store's version stands for its lines
  const shown = useMemo(() => {
    if (off.size === 0) return undefined;
    return store.levels.flatMap((level, i) => (off.has(level) ? [] : [i]));
  }, [store, version, off]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the store's version stands for its lines
  const hits = useMemo(() => (searched ? store.search(searched) : []), [store, version, searched]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the store's version stands for its lines
  const errors = useMemo(() => store.levels.flatMap((level, i) => (level === "error" ? [i] : [])), [store, version]);
  const total = shown ? shown.length : state.total;
  const selected = linesOf(hash);
  const currentHit = hits[Math.min(hit, hits.length - 1)];

  const rowOf = useCallback(
    (place: number) =>
      shown
        ? Math.max(
            0,
            shown.findIndex((i) => i >= place),
          )
        : place,
    [shown],
  );
  const goHit = (by: number) => {
    if (hits.length === 0) return;
    const next = (hit + by + hits.length) % hits.length;
    setHit(next);
    api.current?.toLine(rowOf(hits[next] ?? 0));
  };

  // Once enough is there: the linked line, else for a failed attempt its last error.
  const placed = useRef(false);
  useEffect(() => {
    if (placed.current || state.total === 0) return;
    const link = linesOf(hash);
    if (link && (state.ended || state.total > link.from)) {
      placed.current = true;
      requestAnimationFrame(() => api.current?.toLine(store.place(link.from)));
    } else if (!link && failed && state.ended) {
      placed.current = true;
    }
  }, [state.total, state.ended, hash, failed, store]);

  useEffect(() => {
    if (follow) setSeen(total);
  }, [follow, total]);

  const choose = useCallback(
    (number: number, extend: boolean) => {
      const was = linesOf(window.location.hash);
      const from = extend && was ? Math.min(was.from + 1, number) : number;
      const to = extend && was ? Math.max(was.to + 1, number) : number;
      void navigate({
        to: ".",
        search: true as never,
        hash: to > from ? `L${from}-L${to}` : `L${from}`,
        replace: true,
        hashScrollIntoView: false,
      });
    },
    [navigate],
  );

  if (state.error && state.total === 0) {
    const missing = (state.error as { code?: string }).code === "log_not_found";
    return missing ? (
      <Empty>
        <b>No log.</b> This attempt printed nothing, or its log is past its retention.
      </Empty>
    ) : (
      <Failure error={state.error} retry={() => store.retry()} />
    );
  }
  const fresh = total - seen;
  const toggle = (level: Level) => {
    const next = new Set(off);
    if (!next.delete(level)) next.add(level);
    setHidden([...next].join(","));
  };
  return (
    <>
      <div className="tools">
        <SearchField
          label="Search, or /pattern/"
          value={q}
          onChange={(v) => {
            setQ(v);
            setHit(0);
          }}
          width={300}
          onKey={(e) => {
            if (e.key === "Enter") goHit(e.shiftKey ? -1 : hits.length > 0 && hit === 0 && !e.repeat ? 0 : 1);
          }}
          end={
            q && (
              <span className="row g4 t12 mut nw">
                {pattern
                  ? `${hits.length ? count(Math.min(hit, hits.length - 1) + 1) : 0} of ${count(hits.length)}`
                  : "no pattern"}
                <button type="button" className="btn ghost sm" aria-label="Previous hit" onClick={() => goHit(-1)}>
                  <Icon name="up" size={12} />
                </button>
                <button type="button" className="btn ghost sm" aria-label="Next hit" onClick={() => goHit(1)}>
                  <Icon name="down" size={12} />
                </button>
              </span>
            )
          }
        />
        <fieldset className="seg levels" aria-label="Levels">
          {LEVELS.map((level) => (
            <button
              key={level}
              type="button"
              aria-pressed={!off.has(level)}
              onClick={() => toggle(level)}
              className={`lv-${level}`}
            >
              {level} {count(store.counts[level])}
            </button>
          ))}
        </fieldset>
        <span className="sp" />
        {selected && (
          <CopyButton
            small={false}
            label={`Copy link to L${selected.from + 1}${selected.to > selected.from ? ` to L${selected.to + 1}` : ""}`}
            text={window.location.href}
          />
        )}
        <button
          type="button"
          className="btn"
          aria-pressed={wrap === "1"}
          onClick={() => setWrap(wrap === "1" ? "" : "1")}
        >
          <Icon name="wrap" size={14} />
          {wrap === "1" ? "Unwrap" : "Wrap"}
        </button>
        <button type="button" className="btn" onClick={() => download(store, run, instance, attempt)}>
          <Icon name="dl" size={14} />
          <span className="wide">Download</span>
        </button>
      </div>
      {(state.incomplete || state.full) && (
        <div className="note-bar mut">
          {state.full ? "Only the first million lines are shown." : "Some lines are past their retention."}
        </div>
      )}
      <div className="log">
        {state.total === 0 ? (
          state.ended ? (
            <Empty>
              <b>Nothing was printed.</b>
            </Empty>
          ) : (
            <Empty>Waiting for the first line…</Empty>
          )
        ) : (
          <LogScroll
            count={total}
            follow={follow}
            onFollow={setFollow}
            api={api}
            label={`Log of attempt ${attempt}`}
            row={(i) => {
              const place = shown ? shown[i] : i;
              const line = place === undefined ? undefined : store.lines[place];
              if (!line || place === undefined) return null;
              const number = store.number(place);
              return (
                <Line
                  key={place}
                  line={line}
                  level={store.levels[place] ?? "info"}
                  number={number}
                  zone={zone}
                  pattern={searched}
                  current={place === currentHit}
                  selected={selected !== undefined && number - 1 >= selected.from && number - 1 <= selected.to}
                  wrap={wrap === "1"}
                  onNumber={choose}
                />
              );
            }}
          />
        )}
        <Ruler total={state.total} hits={hits} errors={errors} onGo={(place) => api.current?.toLine(rowOf(place))} />
        {!follow && fresh > 0 && !state.ended && (
          <button type="button" className="btn pri pill" onClick={() => api.current?.toEnd()}>
            <Icon name="down" size={14} />
            {count(fresh)} new lines
          </button>
        )}
      </div>
    </>
  );
}

/** All lines as a text file: also those that are not drawn. */
function download(store: LogStore, run: string, instance: Instance, attempt: number): void {
  const text = store.lines.map((line) => `${line.at} ${line.source} ${plain(line.message)}\n`);
  const url = URL.createObjectURL(new Blob(text, { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${run}-${instance.task}-${instance.index}-${attempt}.log`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
