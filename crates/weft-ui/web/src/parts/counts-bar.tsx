/** Counts by state as one bar: what failed comes first and is never narrower than two pixels. */

import { count } from "../lib/text";
import { COLOUR } from "../state/glyphs";
import { type Counts, NAME, total, WORST } from "../state/states";

export function CountsBar({ counts, width = 160, height = 8 }: { counts: Counts; width?: number; height?: number }) {
  const all = total(counts);
  const present = WORST.filter((state) => counts[state] > 0);
  const words = present.map((state) => `${count(counts[state])} ${NAME[state]}`).join(", ");
  const least = 3;
  const free = width - present.length * least;
  let x = 0;
  return (
    <svg width={width} height={height} role="img" aria-label={words || "no instances yet"}>
      <title>{words}</title>
      <rect width={width} height={height} rx={height / 2} fill="var(--s3)" />
      {present.map((state) => {
        const w = least + (counts[state] / Math.max(1, all)) * free;
        const at = x;
        x += w;
        const quiet = state === "success";
        return (
          <rect
            key={state}
            x={at}
            width={Math.max(1, w - 1)}
            height={height}
            rx="2"
            fill={`var(--${quiet ? "border" : COLOUR[state]})`}
            fillOpacity={["waiting", "ready", "expanding"].includes(state) ? 0.35 : 1}
          />
        );
      })}
    </svg>
  );
}
