/** Deliveries of notifications, the newest first: what was sent, what waits, and why an attempt failed. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { deliveries as deliveriesQuery } from "../../api/notify";
import type { Delivery } from "../../api/types";
import { useParam } from "../../app/search";
import { stateOf } from "../../lib/delivery";
import { count, plural } from "../../lib/text";
import { NextPage, Select } from "../../parts/controls";
import { DagLink, RunLink } from "../../parts/links";
import { Answer, Box, Empty } from "../../parts/states";
import { Time, UntrustedText } from "../../parts/text";
import { Badge } from "../../state/mark";

/** As many DAGs and runs of a delivery are named. */
const MAX_NAMED = 3;

export function Deliveries({ destinations }: { destinations: readonly string[] }) {
  const [destination, setDestination] = useParam("destination");
  const query = useInfiniteQuery(deliveriesQuery(destination));
  // One that is removed still has deliveries.
  const known = destination && !destinations.includes(destination) ? [...destinations, destination] : destinations;
  return (
    <Box
      title="Deliveries"
      note="those that ended are kept for 7 days"
      actions={
        <Select
          label="Deliveries to"
          value={destination}
          options={[{ id: "", label: "to all" }, ...known.map((id) => ({ id, label: `to ${id}` }))]}
          onChange={(to) => setDestination(to, true)}
        />
      }
    >
      <Answer of={query}>
        {({ pages }) => {
          const rows = pages.flatMap((page) => page.items);
          return rows.length === 0 ? (
            <Empty>
              Nothing was sent{destination && " to it"} in the last 7 days, and nothing waits.{" "}
              {destination && (
                <button type="button" className="btn sm" onClick={() => setDestination("", true)}>
                  Show all
                </button>
              )}
            </Empty>
          ) : (
            <Table rows={rows} named={destination === ""} />
          );
        }}
      </Answer>
      {query.hasNextPage && (
        <div className="pad16">
          <NextPage query={query}>Earlier ones</NextPage>
        </div>
      )}
    </Box>
  );
}

function Table({ rows, named }: { rows: readonly Delivery[]; named: boolean }) {
  return (
    <table className="tbl deliveries" aria-label="Deliveries">
      <thead>
        <tr>
          <th>State</th>
          <th>About</th>
          {named && <th className="wide">To</th>}
          <th className="r wide">Attempts</th>
          <th className="r wide">When</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((d) => (
          <tr key={d.id}>
            <td>
              <Badge state={stateOf(d).state}>{stateOf(d).label}</Badge>
            </td>
            <td className="about">
              <About delivery={d} />
              <div className="mut slim">
                {named && <UntrustedText max={60}>{`to ${d.destination}, `}</UntrustedText>}
                {plural(d.attempts, "attempt")}, <When delivery={d} />
              </div>
            </td>
            {named && (
              <td className="wide">
                <UntrustedText max={60}>{d.destination}</UntrustedText>
              </td>
            )}
            <td className="r wide">{count(d.attempts)}</td>
            <td className="r mut wide">
              <When delivery={d} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** When it ended, or is tried next. */
function When({ delivery: { state, due, ended, created } }: { delivery: Delivery }) {
  if (state !== "waiting") return <Time at={ended ?? created} form="short" />;
  return (
    <>
      due <Time at={due} form="relative" />
    </>
  );
}

function About({ delivery: d }: { delivery: Delivery }) {
  return (
    <>
      <div>
        <span className="m">{d.on}</span>
        {d.dags.length > 0 && " of "}
        {d.dags.slice(0, MAX_NAMED).map((dag, i) => (
          <span key={dag}>
            {i > 0 && ", "}
            <DagLink dag={dag} className="ul" />
          </span>
        ))}
        {d.dags.length > MAX_NAMED && ` and ${plural(d.dags.length - MAX_NAMED, "other")}`}
        {d.count > 1 && `, ${count(d.count)} times`}
        <Runs delivery={d} />
      </div>
      {d.cause && (
        <div className="mut">
          <UntrustedText max={300}>{d.cause}</UntrustedText>
        </div>
      )}
      {d.error && (
        <div>
          <span className="mut">{d.state === "delivered" ? "An earlier attempt: " : "The last attempt: "}</span>
          <UntrustedText max={500}>{d.error}</UntrustedText>
        </div>
      )}
    </>
  );
}

/** A run is found by its DAG, so only runs of one DAG are links. */
function Runs({ delivery: { dags, runs } }: { delivery: Delivery }) {
  const [dag, ...others] = dags;
  if (!dag || others.length > 0 || runs.length === 0) return null;
  return (
    <>
      {runs.length === 1 ? ", run " : ", runs "}
      {runs.slice(0, MAX_NAMED).map((run, i) => (
        <span key={run}>
          {i > 0 && ", "}
          <RunLink dag={dag} run={run} className="ul" />
        </span>
      ))}
      {runs.length > MAX_NAMED && ", …"}
    </>
  );
}
