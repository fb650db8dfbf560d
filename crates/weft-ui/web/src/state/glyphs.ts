/** The marks' geometry, for SVG and canvas alike: which colour, which body, which glyph as a path. */
import type { MarkState } from "./states";

/** The custom property that a mark's colour is in, without `--`. */
export const COLOUR: Record<MarkState, string> = {
  success: "success",
  failed: "failed",
  running: "running",
  up_for_retry: "up_for_retry",
  deferred: "deferred",
  waiting: "queued",
  expanding: "queued",
  ready: "queued",
  queued: "queued",
  pending: "queued",
  upstream_failed: "upstream_failed",
  skipped: "skipped",
  cancelled: "cancelled",
  none: "line",
};

export type Body = "solid" | "outline" | "hatch";

const OUTLINE: ReadonlySet<MarkState> = new Set(["waiting", "expanding", "ready", "queued", "pending"]);
const HATCH: ReadonlySet<MarkState> = new Set(["upstream_failed", "skipped", "cancelled"]);

export function bodyOf(state: MarkState): Body {
  if (OUTLINE.has(state)) return "outline";
  return HATCH.has(state) ? "hatch" : "solid";
}

export interface Stroke {
  d: string;
  /** Width of the stroke; 0 fills. */
  width: number;
}

const READY = "M5 2.9A2.1 2.1 0 0 1 5 7.1 2.1 2.1 0 0 1 5 2.9Z";

/** Glyphs in a box of 10 by 10. */
export const GLYPH: Partial<Record<MarkState, readonly Stroke[]>> = {
  success: [{ width: 2, d: "M1.2 5.3 4 8 8.8 2.2" }],
  failed: [{ width: 2.1, d: "M1.6 1.6 8.4 8.4M8.4 1.6 1.6 8.4" }],
  running: [{ width: 0, d: "M2 .8 9.2 5 2 9.2Z" }],
  up_for_retry: [
    { width: 1.7, d: "M8.3 3.1A3.8 3.8 0 1 0 8.8 5.9" },
    { width: 0, d: "M9.6 .3V4.4H5.5Z" },
  ],
  deferred: [{ width: 0, d: "M1.8 1.2H4.2V8.8H1.8ZM5.8 1.2H8.2V8.8H5.8Z" }],
  expanding: [{ width: 0, d: "M.6 3.9H2.8V6.1H.6ZM3.9 3.9H6.1V6.1H3.9ZM7.2 3.9H9.4V6.1H7.2Z" }],
  ready: [{ width: 0, d: READY }],
  pending: [{ width: 0, d: READY }],
  queued: [{ width: 1.4, d: "M3 2 8 5 3 8Z" }],
  upstream_failed: [{ width: 0, d: "M5 .6 9.6 9.2H.4Z" }],
  skipped: [{ width: 1.9, d: "M1.4 1.6 4.6 5 1.4 8.4M5.4 1.6 8.6 5 5.4 8.4" }],
  cancelled: [{ width: 0, d: "M1.8 1.8H8.2V8.2H1.8Z" }],
};

/** How far the ring round a glyph on hatching reaches, in the glyph's units. */
export const HALO = 3.2;

const PERIOD = 4 * Math.SQRT2;
/** Width of a stripe of the hatching, in px. */
export const STRIPE = 1.6;
export const STRIPE_OPACITY = 0.58;

/** The stripes of a hatched box as one path of lines falling to the left, cut at the box. */
export function stripes(x: number, y: number, w: number, h: number): string {
  let d = "";
  for (let c = PERIOD / 2; c < w + h; c += PERIOD) {
    const x0 = Math.max(0, c - h);
    const x1 = Math.min(c, w);
    d += `M${(x + x0).toFixed(2)} ${(y + c - x0).toFixed(2)}L${(x + x1).toFixed(2)} ${(y + c - x1).toFixed(2)}`;
  }
  return d;
}

export interface Options {
  /** A grid's cell: success and what never ran are smaller. */
  quiet?: boolean;
  /** A line beneath says that the mark is a sum. */
  sum?: boolean;
}

export interface Shape {
  colour: string;
  body: Body;
  /** The body's box and radius. */
  box: { x: number; y: number; w: number; h: number; r: number };
  /** The line of a sum. */
  line?: { x1: number; x2: number; y: number; width: number };
  glyph?: { x: number; y: number; scale: number; strokes: readonly Stroke[] };
}

/** A mark in a box of w by h at x, y. */
export function shape(state: MarkState, x: number, y: number, w: number, h: number, options: Options = {}): Shape {
  const body = bodyOf(state);
  const { quiet = false } = options;
  let { sum = false } = options;
  let scale = 1;
  if (quiet && state === "success") {
    return {
      colour: COLOUR.success,
      body,
      box: { x: x + 4, y: y + (sum ? 3 : 4), w: w - 8, h: h - 8, r: 2 },
      ...(sum ? { line: { x1: x + 6, x2: x + w - 6, y: y + h - 3.5, width: 1 } } : {}),
    };
  }
  if (quiet && state === "skipped") {
    x += 3;
    y += 3;
    w -= 6;
    h -= 6;
    sum = false;
    scale = 0.82;
  } else if (quiet && body === "hatch") {
    x += 1;
    y += 1;
    w -= 2;
    h -= 2;
    scale = 0.9;
  }
  const height = sum ? h - 3 : h;
  const k = Math.min(1, (height - 3 + (scale < 1 && h < 12 ? 1 : 0)) / 10) * (h >= 12 ? scale : 1);
  const strokes = GLYPH[state];
  return {
    colour: COLOUR[state],
    body,
    box: { x, y, w, h: height, r: 3 },
    ...(sum ? { line: { x1: x + 2.5, x2: x + w - 2.5, y: y + h - 1, width: 2 } } : {}),
    ...(strokes ? { glyph: { x: x + w / 2 - 5 * k, y: y + height / 2 - 5 * k, scale: k, strokes } } : {}),
  };
}
