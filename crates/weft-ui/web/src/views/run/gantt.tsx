/** The Gantt's parts: axis, lines, one row's bars, the legend. */
import { memo } from "react";
import type { AttemptBar } from "../../api/shapes";
import { bar, SEGMENT_STATE, type Segment, type SegmentKind, ticks } from "../../lib/gantt";
import { clock, duration, parts } from "../../lib/time";

export interface Scale {
  from: number;
  to: number;
  now: number;
  width: number;
  x: (t: number) => number;
  /** What one pixel is, in ms. */
  least: number;
}

/** Labels with milliseconds are wider. */
const MS_APART = 104;
/** The width of a character of a label, at most. */
const CHARACTER = 7.5;
const labels = (from: number, to: number, width: number) => {
  const normal = ticks(from, to, width);
  return (normal[0]?.step ?? 1000) < 1000 ? ticks(from, to, width, MS_APART) : normal;
};

export function Axis({ scale, zone }: { scale: Scale; zone: string }) {
  const { from, to, width, x } = scale;
  const span = to - from;
  return (
    <svg width={width} height="36" fontSize="12" role="img" aria-label={`${duration(span)} in all`}>
      {labels(from, to, width).map(({ at, step }) => {
        const p = parts(at, zone);
        const text =
          step >= 864e5 ? `${p.month}-${p.day}` : clock(at, zone, step < 1000 ? "ms" : step < 60_000 ? "s" : "m");
        const px = x(at);
        // A cut time would be read as another one.
        if (px - 14 + text.length * CHARACTER > width) return null;
        return (
          <text key={at} x={Math.max(2, px - 14)} y="22" fill="var(--muted)">
            {text}
          </text>
        );
      })}
    </svg>
  );
}

export function Grid({ scale, height, running }: { scale: Scale; height: number; running: boolean }) {
  const { from, to, now, width, x } = scale;
  return (
    <svg width={width} height={height} aria-hidden="true">
      {labels(from, to, width).map(({ at }) => (
        <path key={at} d={`M${Math.round(x(at)) + 0.5} 0V${height}`} stroke="var(--line)" />
      ))}
      {running && <path d={`M${x(now)} 0V${height}`} stroke="var(--running)" strokeWidth="1.5" />}
    </svg>
  );
}

const TEXT: Record<SegmentKind, string> = {
  wait: "waited for a slot",
  ran: "ran",
  retried: "failed, retried",
  failed: "failed",
  running: "running",
  deferred: "deferred",
  cancelled: "cancelled",
};

function Piece({ segment, scale, thin }: { segment: Segment; scale: Scale; thin: boolean }) {
  const x = scale.x(segment.from);
  const w = Math.max(2, scale.x(segment.to) - x);
  const colour = `var(--${SEGMENT_STATE[segment.kind]})`;
  const [y, h] = thin ? [11, 6] : [8, 12];
  if (segment.kind === "wait") {
    if (w < 3) return null;
    return <rect x={x + 0.5} y={y + 0.5} width={w - 1} height={h - 1} fill="var(--s2)" stroke={colour} rx="1" />;
  }
  return <rect x={x} y={y} width={w} height={h} fill={colour} rx="1" />;
}

interface LaneProps {
  attempts: readonly AttemptBar[];
  scale: Scale;
  sum: boolean;
  /** How long it took in earlier runs, in ms. */
  median?: number | undefined;
}

export const Lane = memo(function Lane({ attempts, scale, sum, median }: LaneProps) {
  const made = attempts.length > 0 ? bar(attempts, scale.now, scale.least) : undefined;
  if (!made || scale.width === 0) return null;
  const ran = made.segments.find((s) => s.kind !== "wait");
  const usual = ran && median !== undefined ? scale.x(ran.from + median) : undefined;
  const words = made.segments.map((s) => `${TEXT[s.kind]} ${duration(s.to - s.from)}`).join(", ");
  const after = scale.x(made.to) + 6;
  // The mark of the median and the duration do not stand on each other.
  const end = usual !== undefined && usual > after - 8 && usual < after + 60 ? usual + 8 : after;
  const label = duration(made.to - made.from);
  const inside = end + 52 > scale.width;
  return (
    <svg
      width={scale.width}
      height="28"
      role="img"
      aria-label={usual === undefined ? words : `${words}; before it took ${duration(median ?? 0)}`}
      fontSize="12"
    >
      {made.segments.map((s) => (
        <Piece key={`${s.kind}${s.from}`} segment={s} scale={scale} thin={sum} />
      ))}
      {usual !== undefined && usual < scale.width && (
        <path d={`M${usual} 4V24M${usual - 3} 4H${usual + 3}M${usual - 3} 24H${usual + 3}`} stroke="var(--text)" />
      )}
      {!inside && (
        <text x={end} y="18" fill="var(--muted)">
          {label}
        </text>
      )}
    </svg>
  );
});

const SHOWN: SegmentKind[] = ["wait", "ran", "retried", "failed", "running"];

export function Legend() {
  return (
    <div className="legend t12 mut wide">
      {SHOWN.map((kind) => (
        <span key={kind}>
          <svg width="16" height="12" aria-hidden="true">
            {kind === "wait" ? (
              <rect x=".5" y="1.5" width="15" height="9" rx="1" fill="none" stroke="var(--queued)" />
            ) : (
              <rect y="1" width="16" height="10" rx="1" fill={`var(--${SEGMENT_STATE[kind]})`} />
            )}
          </svg>
          {TEXT[kind]}
        </span>
      ))}
      <span>
        <svg width="16" height="12" aria-hidden="true">
          <path d="M8 1V11M5 1H11M5 11H11" stroke="var(--text)" />
        </svg>
        median before
      </span>
    </div>
  );
}
