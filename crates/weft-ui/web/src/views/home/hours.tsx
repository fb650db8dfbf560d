/** Runs per hour: ended ones above the line, failed ones below it. */
import type { Overview } from "../../api/shapes";
import { useZone } from "../../app/prefs";
import { count } from "../../lib/text";
import { clock, ms, parts } from "../../lib/time";
import { Box } from "../../parts/states";
import { useWidth } from "../../parts/width";
import { roundUp } from "./axis";

const HEIGHT = 108;
const LINE = 66;
const LEFT = 44;
/** A label and the space beside it. */
const LABEL = 44;

export function Hours({ hours }: { hours: NonNullable<Overview["hours"]> }) {
  const zone = useZone();
  const [ref, width] = useWidth<HTMLDivElement>();
  const top = roundUp(Math.max(...hours.map((h) => h.success + h.failed + (h.cancelled ?? 0)), 1));
  const worst = Math.max(...hours.map((h) => h.failed), 1);
  const each = Math.max(0, (width - LEFT - 16) / hours.length);
  const many = hours.length > 48;
  return (
    <Box title={many ? "Runs" : "Runs per hour"} note="failed ones below the line">
      <div ref={ref} className="hours">
        <svg width={width} height={HEIGHT} role="img" aria-label="Ended runs per hour" fontSize="12">
          {[0, top / 2, top].map((v) => (
            <g key={v}>
              <path d={`M${LEFT - 4} ${LINE - (v / top) * 56 + 0.5}H${width - 16}`} stroke="var(--line)" />
              <text x={LEFT - 12} y={LINE - (v / top) * 56 + 4} textAnchor="end" fill="var(--muted)">
                {count(v)}
              </text>
            </g>
          ))}
          {hours.map((h, i) => {
            const all = h.success + (h.cancelled ?? 0) + h.failed;
            const at = ms(h.at) ?? 0;
            const x = LEFT + i * each;
            const w = Math.max(1, each - (many ? 1 : 6));
            const hour = Number(parts(at, zone).hour);
            const labelled = many ? hour === 0 : hour % (each * 3 < LABEL ? 6 : 3) === 0;
            const tall = (all / top) * 56;
            return (
              <g key={h.at}>
                <title>{`${clock(at, zone)}: ${count(all)} runs, ${count(h.failed)} failed`}</title>
                {all > 0 && <rect x={x} y={LINE - tall} width={w} height={tall} fill="var(--border)" />}
                {h.failed > 0 && (
                  <rect x={x} y={LINE + 2} width={w} height={3 + (h.failed / worst) * 17} fill="var(--failed)" />
                )}
                {labelled && (
                  <text x={x + w / 2} y={HEIGHT - 4} textAnchor="middle" fill="var(--muted)">
                    {many ? `${parts(at, zone).month}-${parts(at, zone).day}` : clock(at, zone)}
                  </text>
                )}
              </g>
            );
          })}
        </svg>
      </div>
    </Box>
  );
}
