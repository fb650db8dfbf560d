/** The history of a run as events, newest first: from its attempts and its own times. */
import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import { bars as barsQuery } from "../../api/queries";
import type { AttemptBar } from "../../api/shapes";
import type { Run } from "../../api/types";
import { useZone } from "../../app/prefs";
import { useParam } from "../../app/search";
import { clock, date, ms } from "../../lib/time";
import { SearchField } from "../../parts/controls";
import { InstanceLink } from "../../parts/links";
import { Answer, Empty } from "../../parts/states";
import { UntrustedText } from "../../parts/text";
import { Mark } from "../../state/mark";
import { type MarkState, NAME, runMark } from "../../state/states";
import "../dags/dags.css";

interface Event {
  at: number;
  state: MarkState;
  text: string;
  attempt?: AttemptBar;
}

const ATTEMPT_STATE: Record<string, MarkState> = { lost: "failed", revoked: "cancelled" };

/** Who or what made a run, as the end of a sentence. */
function creator(run: Run): string {
  if (run.called_by) return ` by a task of run ${run.called_by}`;
  return run.created_by ? ` by ${run.created_by}` : ", by its schedule";
}

export function history(run: Run, attempts: readonly AttemptBar[]): Event[] {
  const out: Event[] = [];
  const add = (at: string | null | undefined, state: MarkState, text: string, attempt?: AttemptBar) => {
    const t = ms(at);
    if (t !== undefined) out.push({ at: t, state, text, ...(attempt ? { attempt } : {}) });
  };
  add(run.created, "pending", `run created${creator(run)}`);
  add(run.started, "running", "run started");
  add(run.ended, runMark(run.state), `run ended: ${run.state}`);
  for (const a of attempts) {
    const nth = a.number > 1 ? `, attempt ${a.number}` : "";
    add(a.queued, "queued", `queued${nth}`, a);
    add(a.started, "running", `started${a.worker ? ` on ${a.worker}` : ""}${nth}`, a);
    const state = ATTEMPT_STATE[a.state] ?? ((a.state in NAME ? a.state : "skipped") as MarkState);
    add(a.ended, state, `${a.state.replaceAll("_", " ")}${nth}`, a);
  }
  return out.sort((a, b) => b.at - a.at);
}

const ROW = 28;

export function Events({ run }: { run: Run }) {
  const query = useQuery(barsQuery(run.id));
  const [q, setQ] = useParam("q");
  const zone = useZone();
  const scroller = useRef<HTMLDivElement>(null);
  const all = useMemo(() => history(run, query.data?.items ?? []), [run, query.data]);
  const shown = useMemo(() => {
    const low = q.toLowerCase();
    return low ? all.filter((e) => `${e.attempt?.task ?? ""} ${e.text}`.toLowerCase().includes(low)) : all;
  }, [all, q]);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 10,
  });
  return (
    <>
      <div className="tools">
        <SearchField label="Task or event" value={q} onChange={(v) => setQ(v)} />
        <span className="mut">
          {shown.length} events, newest first{query.data?.more ? "; only the first attempts of a run this large" : ""}
        </span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable */}
      <section className="body" ref={scroller} aria-label="Events" tabIndex={0}>
        <Answer of={query}>
          {() =>
            shown.length === 0 ? (
              <Empty>No event matches.</Empty>
            ) : (
              <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
                {virtual.getVirtualItems().map((item) => {
                  const e = shown[item.index];
                  if (!e) return null;
                  return (
                    <div key={item.key} className="ev" style={{ transform: `translateY(${item.start}px)` }}>
                      <span className="mut" title={`${date(e.at, zone)} ${zone}`}>
                        {clock(e.at, zone, "ms")}
                      </span>
                      <Mark state={e.state} size={14} />
                      <span className="el">
                        {e.attempt && (
                          <>
                            <InstanceLink
                              dag={run.dag}
                              run={run.id}
                              task={e.attempt.task}
                              index={e.attempt.index}
                              className="m lk"
                              attempt={e.attempt.number}
                            />{" "}
                          </>
                        )}
                        <UntrustedText>{e.text}</UntrustedText>
                      </span>
                    </div>
                  );
                })}
              </div>
            )
          }
        </Answer>
      </section>
    </>
  );
}
