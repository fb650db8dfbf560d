/** Backfills: the runs of a range of dates, as a dry run first, then made; the runs of earlier ones below. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { backfill, useReread } from "../../api/acts";
import { dags as dagsQuery, runs as runsQuery } from "../../api/queries";
import type { Backfill } from "../../api/types";
import { Head } from "../../app/head";
import { useMay } from "../../app/me";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { count, plural, shell } from "../../lib/text";
import { dateTime, fromWall, ms } from "../../lib/time";
import { Segments, Select } from "../../parts/controls";
import { Go } from "../../parts/go";
import { Answer, Box, Empty, Failure, Skeleton } from "../../parts/states";
import { CommandLine } from "../../parts/text";
import { announce } from "../../parts/toast";
import { RunTable } from "../runs/run-table";

const MAX_DATES = 200;

const ORDERS = [
  { id: "oldest", label: "Earliest" },
  { id: "newest", label: "Latest" },
] as const;

export function Backfills() {
  const operate = useMay("operate");
  const query = useInfiniteQuery(runsQuery({ kind: "backfill" }));
  const items = query.data?.pages.flatMap((p) => p.items) ?? [];
  return (
    <>
      <Head title="Backfills" />
      <div className="body">
        <div className="pad col g16">
          {operate && <Maker />}
          <Box
            title="Runs of backfills"
            actions={
              operate &&
              items.length > 0 && (
                <Go target={{ to: "/runs", search: { kind: "backfill" } }} className="btn sm">
                  Choose among them
                </Go>
              )
            }
          >
            <Answer of={query} skeleton={<Skeleton rows={4} />}>
              {() => (items.length === 0 ? <Empty>There are none yet.</Empty> : <RunTable runs={items} withDag />)}
            </Answer>
          </Box>
        </div>
      </div>
    </>
  );
}

function Maker() {
  const list = useQuery(dagsQuery);
  const scheduled = (list.data ?? []).filter((d) => d.schedule);
  const [dag, setDag] = useParam("dag", scheduled[0]?.id ?? "");
  const [from, setFrom] = useParam("from");
  const [to, setTo] = useParam("until");
  const [order, setOrder] = useState<"oldest" | "newest">("oldest");
  const [limit, setLimit] = useState("");
  const [plan, setPlan] = useState<Backfill>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const reread = useReread();
  const chosen = scheduled.find((d) => d.id === dag) ?? scheduled[0];
  const zone = useZone(chosen?.timezone);
  const a = fromWall(from, zone);
  const b = fromWall(to, zone);
  const most = limit.trim() === "" ? undefined : Number(limit);
  const wrongLimit = most !== undefined && !(Number.isInteger(most) && most > 0);
  const ready = a !== undefined && b !== undefined && !wrongLimit;
  if (list.data && scheduled.length === 0) {
    return <Empty>No DAG has a schedule, so there are no dates to fill.</Empty>;
  }
  if (!chosen) return null;
  const act = async (dry: boolean) => {
    if (a === undefined || b === undefined || wrongLimit) return;
    setBusy(true);
    setError(undefined);
    try {
      const done = await backfill(chosen.id, {
        from: new Date(a).toISOString(),
        to: new Date(b).toISOString(),
        order,
        ...(most === undefined ? {} : { limit: most }),
        dry_run: dry,
      });
      setPlan(dry ? done : undefined);
      if (!dry) {
        announce(`${plural(done.runs.length, "run")} created`);
        await reread(["runs"], ["dags"], ["grid", chosen.id]);
      }
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const made = plan?.run_dates ?? [];
  const left = plan ? plan.dates.length - plan.existing.length - made.length : 0;
  const changed = (set: (v: string) => void) => (e: React.ChangeEvent<HTMLInputElement>) => {
    set(e.target.value);
    setPlan(undefined);
  };
  return (
    <Box title="Fill a range of dates">
      <div className="pad16 col g12">
        <div className="row g12 wrapflex col-end">
          <span className="col">
            <span className="mut t12">DAG</span>
            <Select
              label="DAG"
              value={chosen.id}
              options={scheduled.map((d) => ({ id: d.id, label: d.id }))}
              onChange={(v) => {
                setDag(v);
                setPlan(undefined);
              }}
            />
          </span>
          <label className="col">
            <span className="mut t12">From, {zone}</span>
            <span className="in">
              <input value={from} placeholder="2026-11-01" onChange={changed(setFrom)} />
            </span>
          </label>
          <label className="col">
            <span className="mut t12">Before, {zone}</span>
            <span className="in">
              <input value={to} placeholder="2026-11-08" onChange={changed(setTo)} />
            </span>
          </label>
          <span className="col">
            <span className="mut t12">First</span>
            <Segments
              label="First"
              value={order}
              options={ORDERS}
              onChange={(v) => {
                setOrder(v);
                setPlan(undefined);
              }}
            />
          </span>
          <label className="col">
            <span className="mut t12">At most, runs</span>
            <span className={wrongLimit ? "in bad" : "in"} style={{ width: 88 }}>
              <input
                value={limit}
                placeholder="all"
                inputMode="numeric"
                aria-invalid={wrongLimit}
                onChange={changed(setLimit)}
              />
            </span>
          </label>
          <button type="button" className="btn" disabled={busy || !ready} onClick={() => void act(true)}>
            Dry run
          </button>
          {plan && (
            <button
              type="button"
              className="btn pri"
              disabled={busy || made.length === 0}
              onClick={() => void act(false)}
            >
              Create {plural(made.length, "run")}
            </button>
          )}
        </div>
        {error !== undefined && <Failure error={error} />}
        {plan && (
          <>
            <div>
              Version {plan.version}: <b>{plural(made.length, "run")}</b> would be created
              {plan.existing.length > 0 &&
                `; ${plural(plan.existing.length, "date")} already ${plan.existing.length === 1 ? "has" : "have"} one`}
              {left > 0 && `; ${plural(left, "further date")} ${left === 1 ? "is" : "are"} left for the next backfill`}.
            </div>
            <div className="row g4 wrapflex">
              {made.slice(0, MAX_DATES).map((d) => (
                <span key={d} className="tag">
                  {dateTime(ms(d) ?? 0, zone)}
                </span>
              ))}
              {made.length > MAX_DATES && <span className="mut">and {count(made.length - MAX_DATES)} more</span>}
            </div>
          </>
        )}
        <CommandLine
          text={`wfctl backfill ${shell(chosen.id)} --from ${shell(from || "2026-11-01")} --to ${shell(to || "2026-11-08")}${order === "newest" ? " --order newest" : ""}${most === undefined || wrongLimit ? "" : ` --limit ${most}`}${plan ? "" : " --dry-run"}`}
        />
      </div>
    </Box>
  );
}
