/** The log of an attempt: live, with search, levels, links to lines, a ruler of hits and errors, download. */
import { useLocation, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { query } from "../../api/client";
import type { Instance, LogLine } from "../../api/types";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { api as address } from "../../lib/base";
import { copy } from "../../lib/copy";
import { LEVELS, type Level, levelOf, linesOf, patternOf, plain } from "../../lib/log";
import { count, plural } from "../../lib/text";
import { SearchField } from "../../parts/controls";
import { DialogFrame } from "../../parts/dialog";
import { Icon } from "../../parts/icons";
import { Empty, Failure, Skeleton } from "../../parts/states";
import { CopyButton } from "../../parts/text";
import { announce } from "../../parts/toast";
import { lowerBound, useFound } from "./log-find";
import { Line, MissingLine } from "./log-line";
import { LogScroll, type ScrollApi } from "./log-scroll";
import { LogStore, logPath } from "./log-store";
import { Ruler } from "./ruler";
import "./logs.css";

const LogDifference = lazy(() => import("../run/task-difference").then((m) => ({ default: m.LogDifference })));

const NO_LINES: number[] = [];
const ERRORS = { level: "error" };

interface Props {
  run: string;
  instance: Instance;
  attempt: number;
  /** The attempt failed: its end is what is looked for. */
  failed: boolean;
  zone: string | null | undefined;
}

/** Of longer logs levels are counted when they are asked for: that reads every line. */
const MAX_COUNTED = 200_000;
/** The same in bytes, as far as they are known. */
const MAX_COUNTED_BYTES = 16 << 20;
/** Typing is searched for when it pauses. */
const TYPING_MS = 200;
/** Lines that are copied at once. */
const MAX_COPIED = 100_000;

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

function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPING_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** What is typed as the server searches for it: a text, or an expression between slashes. */
function asked(q: string): { q: string; regex?: boolean } | undefined {
  if (!q) return undefined;
  const regex = /^\/(.+)\/$/.exec(q)?.[1];
  return regex ? { q: `(?i)${regex}`, regex: true } : { q };
}

function LogView({ instance, attempt, failed, zone: ofDag, store }: Props & { store: LogStore }) {
  const state = useSyncExternalStore(store.subscribe, store.snapshot);
  const { total: all, ended } = state;
  const zone = useZone(ofDag);
  const [q, setQ] = useParam("q");
  const [hidden, setHidden] = useParam("level");
  const [wrap, setWrap] = useParam("wrap");
  const hash = useLocation({ select: (l) => l.hash });
  const navigate = useNavigate();
  const api = useRef<ScrollApi>(null);
  const [follow, setFollow] = useState(!hash);
  /** -1 until one has gone to a hit. */
  const [hit, setHit] = useState(-1);
  const [seen, setSeen] = useState(0);
  const [diffing, setDiffing] = useState(false);
  const typed = useSettled(q);
  const pattern = useMemo(() => patternOf(typed), [typed]);
  const off = useMemo(() => new Set(hidden.split(",").filter(Boolean)), [hidden]);
  const on = LEVELS.filter((level) => !off.has(level)).join(",");

  const bytes = attempt === instance.attempt ? (instance.usage?.log_bytes ?? 0) : 0;
  const short = all <= MAX_COUNTED && bytes <= MAX_COUNTED_BYTES;
  const counted = useFound(store.at, all, ended, all > 0 && (short || off.size > 0) ? ERRORS : undefined);
  const filtered = useFound(
    store.at,
    all,
    ended,
    useMemo(() => (off.size > 0 ? { level: on } : undefined), [off, on]),
  );
  const search = useMemo(() => {
    const what = asked(typed);
    return what && { ...what, ...(off.size > 0 ? { level: on } : {}) };
  }, [typed, off, on]);
  const found = useFound(store.at, all, ended, search);
  const hits = found?.lines ?? NO_LINES;
  const errors = counted?.lines ?? NO_LINES;
  /** Numbers of the lines that are shown; undefined is all. */
  const shown = off.size > 0 ? (filtered?.lines ?? NO_LINES) : undefined;
  const total = shown ? shown.length : all;
  const selected = linesOf(hash);
  const currentHit = hits[Math.max(0, Math.min(hit, hits.length - 1))];

  const rowOf = useCallback((number: number) => (shown ? lowerBound(shown, number) : number), [shown]);
  const goHit = (by: number) => {
    if (hits.length === 0) return;
    const next = hit < 0 ? (by > 0 ? 0 : hits.length - 1) : (hit + by + hits.length) % hits.length;
    setHit(next);
    api.current?.toLine(rowOf(hits[next] ?? 0));
  };

  // Once enough is there: the linked line, else for a failed attempt its end.
  const placed = useRef(false);
  useEffect(() => {
    if (placed.current || all === 0) return;
    const link = linesOf(hash);
    if (link && (ended || all > link.from)) {
      placed.current = true;
      requestAnimationFrame(() => api.current?.toLine(rowOf(Math.min(all - 1, link.from))));
    } else if (!link && failed && ended) {
      placed.current = true;
    }
  }, [all, ended, hash, failed, rowOf]);

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

  const copyRange = useCallback(async () => {
    const range = linesOf(window.location.hash);
    if (!range) return;
    const lines = await store.range(range.from, range.to, MAX_COPIED);
    if (await copy(lines.map(textOf).join(""))) announce(`${plural(lines.length, "line")} copied`);
  }, [store]);

  if (state.error && all === 0) {
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
            setHit(-1);
          }}
          width={300}
          onKey={(e) => {
            if (e.key === "Enter") goHit(e.shiftKey ? -1 : 1);
          }}
          end={
            q && (
              <span className="row g4 t12 mut nw">
                {found?.error || (q && !patternOf(q))
                  ? "no pattern"
                  : found
                    ? `${hits.length ? count(Math.max(0, Math.min(hit, hits.length - 1)) + 1) : 0} of ${count(hits.length)}${found.complete ? "" : "+"}`
                    : "searching"}
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
              {level} {counted ? count(counted.levels[level]) : ""}
            </button>
          ))}
        </fieldset>
        <span className="sp" />
        {selected && (
          <>
            <CopyButton
              small={false}
              label={`Copy link to L${selected.from + 1}${selected.to > selected.from ? ` to L${selected.to + 1}` : ""}`}
              text={window.location.href}
            />
            <button type="button" className="btn" onClick={() => void copyRange()}>
              <Icon name="copy" size={14} />
              Copy {plural(selected.to - selected.from + 1, "line")}
            </button>
          </>
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
        {attempt > 1 && (
          <button type="button" className="btn" onClick={() => setDiffing(true)}>
            <Icon name="diff" size={14} />
            <span className="wide">Compare with attempt {attempt - 1}</span>
          </button>
        )}
        <a className="btn" href={address(`${logPath(store.at, "/download")}${query({ attempt })}`)} download>
          <Icon name="dl" size={14} />
          <span className="wide">Download</span>
        </a>
      </div>
      {state.incomplete && (
        <div className="note-bar mut">
          {ended
            ? "Some lines are past their retention."
            : "Lines came faster than they can be shown: the others are here when the attempt has ended."}
        </div>
      )}
      {diffing && (
        <DialogFrame
          title={`Attempts ${attempt - 1} and ${attempt}`}
          width={960}
          onClose={() => setDiffing(false)}
          foot={
            <button type="button" className="btn" onClick={() => setDiffing(false)}>
              Close
            </button>
          }
        >
          <Suspense fallback={<Skeleton />}>
            <LogDifference
              task={store.at.task}
              index={store.at.index}
              before={{ run: store.at.run, attempt: attempt - 1 }}
              after={{ run: store.at.run, attempt }}
            />
          </Suspense>
        </DialogFrame>
      )}
      <div className="log">
        {!state.known ? (
          <Skeleton rows={12} height={12} gap={8} />
        ) : all === 0 ? (
          ended ? (
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
              const number = shown ? shown[i] : i;
              if (number === undefined) return null;
              const line = store.line(number);
              if (!line) return <MissingLine key={number} number={number + 1} />;
              return (
                <Line
                  key={number}
                  line={line}
                  level={levelOf(line)}
                  number={number + 1}
                  zone={zone}
                  pattern={pattern}
                  current={number === currentHit}
                  selected={selected !== undefined && number >= selected.from && number <= selected.to}
                  wrap={wrap === "1"}
                  onNumber={choose}
                />
              );
            }}
          />
        )}
        <Ruler total={all} hits={hits} errors={errors} onGo={(number) => api.current?.toLine(rowOf(number))} />
        {!follow && fresh > 0 && !ended && (
          <button type="button" className="btn pri pill" onClick={() => api.current?.toEnd()}>
            <Icon name="down" size={14} />
            {count(fresh)} new lines
          </button>
        )}
      </div>
    </>
  );
}

/** A line as the download has it. */
const textOf = (line: LogLine): string => `${line.at} ${line.source} ${plain(line.message)}\n`;
