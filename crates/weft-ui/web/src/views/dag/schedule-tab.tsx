/** What creates runs by itself: the condition on assets, and the next dates of the schedule in the zone of the person and of the DAG. */
import { useQuery } from "@tanstack/react-query";
import { schedule as scheduleQuery } from "../../api/queries";
import type { DagDetail } from "../../api/types";
import { VIEWER_ZONE } from "../../app/prefs";
import { useNow } from "../../lib/clock";
import { dateTime, ms, offset, relative } from "../../lib/time";
import { Answer, Box, Empty, Skeleton } from "../../parts/states";
import { UntrustedText } from "../../parts/text";
import { ConditionWords, useCondition } from "../assets/condition";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

export function ScheduleTab({ dag }: { dag: DagDetail }) {
  const condition = useCondition(dag);
  return (
    <div className="body">
      <div className="pad col g16">
        {condition && (
          <Box title="Assets" note="whose updates create runs">
            <div className="pad16 wrapany">
              A run is created when <ConditionWords of={condition} />.
              <div className="mut">
                Updates count since the last run that assets created
                {dag.paused ? "; they are gathered while the DAG is paused" : ""}.
              </div>
            </div>
          </Box>
        )}
        {dag.schedule ? (
          <Dates dag={dag} />
        ) : (
          <Empty>
            {condition ? "This DAG has no schedule besides." : "This DAG has no schedule: its runs are triggered."}
          </Empty>
        )}
      </div>
    </div>
  );
}

function Dates({ dag }: { dag: DagDetail }) {
  const query = useQuery(scheduleQuery(dag.id, dag.timezone ?? "UTC"));
  const now = useNow();
  const own = dag.timezone ?? "UTC";
  const day = (at: number, zone: string) => DAYS[new Date(at + offset(at, zone)).getUTCDay()];
  return (
    <Answer of={query} skeleton={<Skeleton rows={12} height={14} />}>
      {(data) => (
        <Box
          title={<UntrustedText>{dag.schedule ?? ""}</UntrustedText>}
          note={`in ${own}${data.paused ? "; paused: none of these starts until it is unpaused" : ""}`}
        >
          {data.dates.length === 0 ? (
            <Empty>No date follows.</Empty>
          ) : (
            <table className="tbl tight">
              <thead>
                <tr>
                  <th>Starts, {VIEWER_ZONE}</th>
                  {own !== VIEWER_ZONE && <th>{own}</th>}
                  <th className="r">From now</th>
                  <th className="wide">Data from</th>
                </tr>
              </thead>
              <tbody>
                {data.dates.map((d) => {
                  const at = ms(d.logical_date) ?? 0;
                  return (
                    <tr key={d.logical_date}>
                      <td>
                        {day(at, VIEWER_ZONE)} {dateTime(at, VIEWER_ZONE)}
                      </td>
                      {own !== VIEWER_ZONE && (
                        <td>
                          {day(at, own)} {dateTime(at, own)}
                        </td>
                      )}
                      <td className="r mut">{relative(at, now)}</td>
                      <td className="mut wide grow">{dateTime(ms(d.data_interval.start) ?? 0, own)}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          )}
        </Box>
      )}
    </Answer>
  );
}
