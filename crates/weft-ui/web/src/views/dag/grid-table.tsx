/** The grid as a table of words: for screen readers, for copying. */
import { memo } from "react";
import { dateTime, ms } from "../../lib/time";
import { RunLink } from "../../parts/links";
import { UntrustedText } from "../../parts/text";
import { Mark } from "../../state/mark";
import { BY_CODE, NAME } from "../../state/states";
import type { Model } from "./model";

/** A table of words has an end; the filter finds the rest. */
const MAX_ROWS = 300;
const MAX_RUNS = 60;

export const GridTable = memo(function GridTable({ dag, model, zone }: { dag: string; model: Model; zone: string }) {
  const runs = model.runs.slice(-MAX_RUNS);
  const from = model.runs.length - runs.length;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable
    <section className="body" aria-label="States by task and run" tabIndex={0}>
      <table className="tbl tight">
        <thead>
          <tr>
            <th>Task</th>
            {runs.map((run) => (
              <th key={run.id}>
                <RunLink dag={dag} run={run.id}>
                  {dateTime(ms(run.logical_date) ?? 0, zone)}
                </RunLink>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {model.rows.slice(0, MAX_ROWS).map((row, r) => (
            <tr key={row.kind + row.id}>
              <td className={row.kind === "group" ? "m" : ""}>
                <UntrustedText>{row.id}</UntrustedText>
              </td>
              {runs.map((run, c) => {
                const state = BY_CODE[model.codes[from + c]?.[r] ?? 0];
                return (
                  <td key={run.id}>
                    {state ? (
                      <span className="row g4">
                        <Mark state={state} size={14} />
                        {NAME[state]}
                      </span>
                    ) : (
                      <span className="mut">–</span>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {model.rows.length > MAX_ROWS && (
        <div className="empty">
          The first {MAX_ROWS} of {model.rows.length} rows: filter to see others.
        </div>
      )}
    </section>
  );
});
