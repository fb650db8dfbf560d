/** Home's right column: what runs now, what comes next, what was changed. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { type ListedDag, runs } from "../../api/queries";
import { count } from "../../lib/text";
import { ms } from "../../lib/time";
import { DagLink, RunLink } from "../../parts/links";
import { Box } from "../../parts/states";
import { Time, Took, UntrustedText } from "../../parts/text";
import { Mark } from "../../state/mark";
import { ended, total } from "../../state/states";
import { changedSince } from "./counts";

const MAX_ROWS = 6;

export function Running() {
  const query = useInfiniteQuery(runs({ state: "running" }, 50));
  // A run that has just ended stays in the cached page until it is read again: its state says so.
  const running = (query.data?.pages.flatMap((p) => p.items) ?? []).filter((r) => r.state === "running");
  if (running.length === 0) return null;
  return (
    <Box title="Running now" note={count(running.length)}>
      {running.slice(0, MAX_ROWS).map((run) => (
        <RunLink key={run.id} dag={run.dag} run={run.id} className="li">
          <Mark state="running" />
          <div style={{ minWidth: 0 }}>
            <div className="m el">
              <UntrustedText>{run.dag}</UntrustedText>
            </div>
            <div className="s el">
              {count(ended(run.counts))} of {count(total(run.counts))} ended
              {run.counts.failed > 0 && <span className="st-failed">, {count(run.counts.failed)} failed</span>}
            </div>
          </div>
          <span className="sb">
            <Took from={run.started} to={run.ended} />
          </span>
        </RunLink>
      ))}
    </Box>
  );
}

export function Next({ dags }: { dags: readonly ListedDag[] }) {
  const next = dags
    .filter((dag) => dag.next_run && !dag.paused)
    .sort((a, b) => (ms(a.next_run) ?? 0) - (ms(b.next_run) ?? 0))
    .slice(0, MAX_ROWS);
  if (next.length === 0) return null;
  return (
    <Box title="Next runs">
      {next.map((dag) => (
        <DagLink key={dag.id} dag={dag.id} tab="schedule" className="li two">
          <span className="m el">
            <UntrustedText>{dag.id}</UntrustedText>
          </span>
          <span className="mut t12">
            <Time at={dag.next_run} zone={dag.timezone} form="short" />
          </span>
          <span className="r nw">
            <Time at={dag.next_run} zone={dag.timezone} form="relative" />
          </span>
        </DagLink>
      ))}
    </Box>
  );
}

export function Changed({ dags, from }: { dags: readonly ListedDag[]; from: number }) {
  const changed = dags
    .filter((dag) => changedSince(dag, from))
    .sort((a, b) => (ms(b.updated) ?? 0) - (ms(a.updated) ?? 0));
  if (changed.length === 0) return null;
  return (
    <Box title="Changed" note={count(changed.length)}>
      {changed.slice(0, MAX_ROWS).map((dag) => (
        <DagLink key={dag.id} dag={dag.id} tab="code" className="li two">
          <span className="m el">
            <UntrustedText>{dag.id}</UntrustedText>
          </span>
          <span className="mut t12 nw">
            {dag.version ? `version ${dag.version}` : "no active version"}
            {dag.paused && ", paused"}
          </span>
          <span className="mut t12 r">
            <Time at={dag.updated} form="short" />
          </span>
        </DagLink>
      ))}
    </Box>
  );
}
