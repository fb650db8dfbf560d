/** Small bars: counts over time, and the last runs of a DAG. */
import type { RecentRun } from "../api/shapes";
import { duration } from "../lib/time";
import { COLOUR } from "../state/glyphs";
import { runMark } from "../state/states";

interface SparkProps {
  values: readonly number[];
  width?: number;
  height?: number;
  colour?: string;
  label: string;
}

/** Counts in equal spans, oldest first; empty spans are a hairline. */
export function Spark({ values, width = 96, height = 24, colour = "border", label }: SparkProps) {
  const top = Math.max(...values, 1);
  const each = width / Math.max(1, values.length);
  return (
    <svg width={width} height={height} role="img" aria-label={label}>
      {values.map((v, i) => {
        const h = v > 0 ? Math.max(2, (v / top) * height) : 1;
        return (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: a span's place is its identity
            key={i}
            x={i * each + 0.5}
            y={height - h}
            width={Math.max(1, each - 1.34)}
            height={h}
            fill={`var(--${v > 0 ? colour : "line"})`}
          />
        );
      })}
    </svg>
  );
}

/** The last runs as bars, newest at the right: height is duration, failures have their colour. */
export function RecentRuns({
  runs,
  width = 112,
  height = 20,
}: {
  runs: readonly RecentRun[];
  width?: number;
  height?: number;
}) {
  const shown = [...runs].reverse();
  const slots = 14;
  const each = width / slots;
  const longest = Math.max(1, ...shown.map((r) => r.duration_ms ?? 0));
  const words = shown.length
    ? `Last ${shown.length} runs: ${shown.filter((r) => r.state === "failed").length} failed`
    : "No runs yet";
  return (
    <svg width={width} height={height} role="img" aria-label={words}>
      {shown.map((r, i) => {
        const quiet = r.state === "success";
        const share = r.duration_ms ? r.duration_ms / longest : 0.35;
        const h = Math.max(4, share * height);
        const x = (slots - shown.length + i) * each + 1;
        return (
          <rect
            key={r.id}
            x={x}
            y={height - h}
            width={each - 2}
            height={h}
            rx="1"
            fill={`var(--${quiet ? "border" : COLOUR[runMark(r.state)]})`}
          >
            <title>{`${r.state}${r.duration_ms ? `, ${duration(r.duration_ms)}` : ""}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}
