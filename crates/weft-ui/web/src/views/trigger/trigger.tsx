/** Triggers a run: fields from the parameters' schemas, filled in from an earlier run, with the equal commands. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { type ReactNode, useMemo, useState } from "react";
import { trigger, useReread } from "../../api/acts";
import { dag as dagQuery, run as runQuery, runs as runsQuery } from "../../api/queries";
import type { DagDetail, Run } from "../../api/types";
import { Head } from "../../app/head";
import { useKeys } from "../../app/keys";
import { useMay } from "../../app/me";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { serverUrl } from "../../lib/base";
import { useNow } from "../../lib/clock";
import { newKey } from "../../lib/key";
import { plural } from "../../lib/text";
import { dateTime, fromWall, ms, relative } from "../../lib/time";
import { Segments, Select } from "../../parts/controls";
import { Answer, Box, Empty, Failure, Skeleton } from "../../parts/states";
import { CopyButton, Kbd, UntrustedText } from "../../parts/text";
import { announce } from "../../parts/toast";
import { Mark } from "../../state/mark";
import { body, curl, wfctl } from "./commands";
import { Field } from "./field";
import { kindOf, read, textOf } from "./params";
import "./trigger.css";

export function Trigger() {
  const { dag } = useParams({ strict: false }) as { dag: string };
  const detail = useQuery(dagQuery(dag));
  const [from] = useParam("from");
  const before = useQuery({ ...runQuery(from), enabled: from !== "" });
  const head = <Head title="Trigger" crumbs={crumbs(dag)} />;
  if (!useMay("operate")) {
    return (
      <>
        {head}
        <Empty>Your token does not permit triggering runs.</Empty>
      </>
    );
  }
  return (
    <Answer
      of={detail}
      skeleton={
        <>
          {head}
          <Skeleton />
        </>
      }
    >
      {(data) =>
        from && !before.data && !before.error ? (
          <>
            {head}
            <Skeleton />
          </>
        ) : (
          <Form key={`${data.id} ${data.version} ${from}`} dag={data} before={before.data} />
        )
      }
    </Answer>
  );
}

const crumbs = (dag: string) => [
  { label: "DAGs", to: { to: "/dags" } },
  { label: <UntrustedText>{dag}</UntrustedText>, to: { to: "/dags/$dag/$tab", params: { dag, tab: "grid" } } },
];

function Form({ dag, before }: { dag: DagDetail; before: Run | undefined }) {
  const zone = useZone(dag.timezone);
  const navigate = useNavigate();
  const reread = useReread();
  const filled = useMemo(
    () =>
      Object.fromEntries(
        dag.params.map((p) => {
          const old = before?.params as Record<string, unknown> | undefined;
          const value = old && p.name in old ? old[p.name] : p.default;
          return [p.name, textOf(kindOf(p), value)];
        }),
      ),
    [dag.params, before],
  );
  const [texts, setTexts] = useState<Record<string, string>>(filled);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  // To run again: for the same date, and with the code that it ran with, unless one says otherwise.
  const [again] = useParam("with");
  const old = again === "date" ? before : undefined;
  const oldDate = old ? dateTime(ms(old.logical_date) ?? 0, zone) : "";
  const [date, setDate] = useState(oldDate);
  const other = before && before.version !== dag.version ? before.version : undefined;
  const [version, setVersion] = useState(old && other ? String(other) : "");
  const [start, setStart] = useState<"now" | "at">("now");
  const [startAt, setStartAt] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [key] = useState(newKey);

  const params: Record<string, unknown> = {};
  const wrong: Record<string, string> = {};
  for (const p of dag.params) {
    const text = texts[p.name] ?? "";
    const standard = textOf(kindOf(p), p.default);
    if (text === standard && p.default !== undefined) continue;
    if (text === "" && !p.required && kindOf(p) !== "text") continue;
    const reading = read(p, text);
    if (reading.error !== undefined) wrong[p.name] = reading.error;
    else params[p.name] = reading.value;
  }
  const at = date && date === oldDate ? ms(old?.logical_date) : date ? fromWall(date, zone) : undefined;
  const later = start === "at" ? fromWall(startAt, zone) : undefined;
  const problems =
    Object.keys(wrong).length + (date && at === undefined ? 1 : 0) + (start === "at" && later === undefined ? 1 : 0);
  const request = {
    dag: dag.id,
    params,
    version: Number(version) || undefined,
    logicalDate: at === undefined ? undefined : new Date(at).toISOString(),
    notBefore: later === undefined ? undefined : new Date(later).toISOString(),
  };
  const go = async () => {
    if (problems > 0 || busy) return setTouched(new Set(dag.params.map((p) => p.name)));
    setBusy(true);
    setError(undefined);
    try {
      const run = await trigger(dag.id, body(request), key);
      announce("Triggered");
      await reread(["runs"], ["dags"], ["grid", dag.id]);
      await navigate({ to: "/dags/$dag/runs/$run/$tab", params: { dag: dag.id, run: run.id, tab: "overview" } });
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };
  useKeys({ "Ctrl-Enter": () => void go() });
  return (
    <>
      <Head title="Trigger" crumbs={crumbs(dag.id)} actions={<FilledFrom dag={dag.id} zone={zone} />} />
      <div className="trigger">
        <form
          onSubmit={(e) => {
            e.preventDefault();
            void go();
          }}
        >
          <div className="fields">
            <h2 className="t14">Parameters</h2>
            <div className="mut t12">
              {dag.params.length === 0
                ? `Version ${dag.version} takes none.`
                : `Version ${dag.version} takes ${dag.params.length}. ${before ? "Changed ones are marked against the run they were filled in from." : ""}`}
            </div>
            {dag.params.map((p) => (
              <Field
                key={p.name}
                param={p}
                text={texts[p.name] ?? ""}
                error={touched.has(p.name) ? wrong[p.name] : undefined}
                was={texts[p.name] !== filled[p.name] ? filled[p.name] : undefined}
                onChange={(text) => {
                  setTexts({ ...texts, [p.name]: text });
                  setTouched(new Set(touched).add(p.name));
                }}
              />
            ))}
            <h2 className="t14 sec-h">Run</h2>
            {other !== undefined && (
              <div className="field">
                <span className="fl">
                  <span className="m">Version</span>
                  <code className="mut">version</code>
                </span>
                <div className="fi">
                  <Segments
                    label="Version"
                    value={version}
                    options={[
                      { id: "", label: `${dag.version}, active` },
                      { id: String(other), label: `${other}, as before` },
                    ]}
                    onChange={setVersion}
                  />
                </div>
              </div>
            )}
            <WallField
              id="logical"
              label="Logical date"
              name="logical_date"
              zone={zone}
              text={date}
              empty="now"
              onChange={setDate}
              bad={Boolean(date) && at === undefined}
            />
            <div className="field">
              <span className="fl">
                <span className="m">Start</span>
                <code className="mut">not_before</code>
              </span>
              <div className="fi">
                <Segments
                  label="Start"
                  value={start}
                  options={[
                    { id: "now", label: "Now" },
                    { id: "at", label: "At a time" },
                  ]}
                  onChange={setStart}
                />
              </div>
            </div>
            {start === "at" && (
              <WallField
                id="start"
                label="Not before"
                name=""
                zone={zone}
                text={startAt}
                empty="2026-11-23 02:00"
                onChange={setStartAt}
                bad={startAt !== "" && later === undefined}
                hint={later === undefined ? "The run is created now, and waits until then." : <Until at={later} />}
              />
            )}
            {error !== undefined && <Failure error={error} />}
          </div>
          <div className="foot-bar">
            {problems > 0 && (
              <span className="row g8 st-failed">
                <Mark state="failed" />
                {plural(problems, "value")} to correct
              </span>
            )}
            {dag.paused && <span className="mut">The DAG is paused: the run waits until it is unpaused.</span>}
            <span className="sp" />
            <button type="button" className="btn" onClick={() => window.history.back()}>
              Back
            </button>
            <button type="submit" className="btn pri" disabled={busy || problems > 0}>
              Trigger<Kbd>Ctrl ⏎</Kbd>
            </button>
          </div>
        </form>
        <div className="cmds">
          <Box title="wfctl" actions={<CopyButton text={wfctl(request)} />}>
            <pre className="cmd">{wfctl(request)}</pre>
          </Box>
          <Box title="curl" actions={<CopyButton text={curl(request, serverUrl(), key)} />}>
            <pre className="cmd">{curl(request, serverUrl(), key)}</pre>
          </Box>
          <Box title="What would happen">
            <dl className="kv pad16">
              <dt>Tasks</dt>
              <dd>
                {plural(dag.tasks.length, "task")}
                {dag.tasks.some((t) => t.mapped) && `, ${dag.tasks.filter((t) => t.mapped).length} of them mapped`}
              </dd>
              <dt>Starts</dt>
              <dd>
                {dag.paused ? "when the DAG is unpaused" : later !== undefined ? dateTime(later, zone) : "at once"}
                {dag.max_active_runs ? `; at most ${plural(dag.max_active_runs, "active run")}` : ""}
              </dd>
            </dl>
          </Box>
        </div>
      </div>
    </>
  );
}

function FilledFrom({ dag, zone }: { dag: string; zone: string }) {
  const [from, setFrom] = useParam("from");
  const query = useInfiniteQuery(runsQuery({ dag }, 100));
  const list = query.data?.pages.flatMap((p) => p.items).slice(0, 50) ?? [];
  return (
    <>
      <span className="mut wide">filled in from</span>
      <Select
        label="Filled in from"
        value={from}
        options={[
          { id: "", label: "the defaults" },
          ...list.map((r) => ({ id: r.id, label: `run ${dateTime(ms(r.logical_date) ?? 0, zone)}` })),
        ]}
        onChange={setFrom}
      />
    </>
  );
}

interface WallProps {
  id: string;
  label: string;
  name: string;
  zone: string;
  text: string;
  empty: string;
  bad: boolean;
  hint?: ReactNode;
  onChange: (text: string) => void;
}

/** How far away a start is; one in the past is none. */
function Until({ at }: { at: number }) {
  const now = useNow();
  return at <= now ? (
    <>This is in the past: the run starts at once.</>
  ) : (
    <>The run is created now, and waits until then: {relative(at, now)}.</>
  );
}

function WallField({ id, label, name, zone, text, empty, bad, hint, onChange }: WallProps) {
  return (
    <div className="field">
      <label className="fl" htmlFor={id}>
        <span className="m">{label}</span>
        {name && <code className="mut">{name}</code>}
      </label>
      <div className="fi">
        <div className={bad ? "in bad" : "in"}>
          <input
            id={id}
            value={text}
            placeholder={empty}
            onChange={(e) => onChange(e.target.value)}
            aria-invalid={bad}
          />
          <span className="mut nw">{zone}</span>
        </div>
        {bad && <div className="st-failed t12 fe">Write it as 2026-11-23 02:00</div>}
        {!bad && hint && <div className="mut t12 fe">{hint}</div>}
      </div>
    </div>
  );
}
