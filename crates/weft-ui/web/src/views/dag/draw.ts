/** Draws the grid's visible part: bars, marks of runs, cells, versions, dates, what is hovered and selected. */
import { dateTime, duration, ms, parts } from "../../lib/time";
import type { Colours } from "../../state/colours";
import { COLOUR } from "../../state/glyphs";
import type { Sprites } from "../../state/paint";
import { BY_CODE, runMark } from "../../state/states";
import { roundSpan } from "./axis";
import type { Cell, Model } from "./model";
import { CELL_H, CELL_W, type Tiles } from "./tiles";

/** The part above the cells: bars of 72 and the runs' marks. */
export const HEAD = 128;
export const BARS = 72;
export const BASE_Y = 96;
/** Beside the last run: the median's label. */
export const END = 72;
/** Below the last row: dates. */
export const FOOT = 32;

export interface Frame {
  width: number;
  height: number;
  scrollLeft: number;
  scrollTop: number;
  zone: string;
  hover: Cell | undefined;
  selected: Cell | undefined;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export function draw(
  to: CanvasRenderingContext2D,
  made: Model,
  frame: Frame,
  colours: Colours,
  sprites: Sprites,
  tiles: Tiles,
): void {
  const { width, height, scrollLeft, scrollTop } = frame;
  const { rows, runs } = made;
  const firstCol = Math.max(0, Math.floor(scrollLeft / CELL_W));
  const lastCol = Math.min(runs.length - 1, Math.ceil((scrollLeft + width) / CELL_W));
  const firstRow = Math.max(0, Math.floor(scrollTop / CELL_H));
  const lastRow = Math.min(rows.length - 1, Math.ceil((scrollTop + height - HEAD) / CELL_H));
  const right = Math.min(width, runs.length * CELL_W - scrollLeft);
  const bottom = Math.min(height, HEAD + rows.length * CELL_H - scrollTop);
  to.clearRect(0, 0, width, height);
  to.font = "12px Inter, system-ui, sans-serif";
  to.lineWidth = 1;

  to.save();
  to.beginPath();
  to.rect(0, HEAD, width, height - HEAD);
  to.clip();
  if (frame.hover) {
    to.fillStyle = colours.s3 ?? "";
    to.fillRect(0, HEAD + frame.hover.row * CELL_H - scrollTop, right, CELL_H);
    to.fillRect(frame.hover.col * CELL_W - scrollLeft, HEAD, CELL_W, bottom - HEAD);
  }
  to.fillStyle = colours.line ?? "";
  for (let r = firstRow; r <= lastRow + 1; r += 1) {
    to.globalAlpha = rows[r]?.depth === 0 || r === rows.length ? 1 : 0.5;
    to.fillRect(0, HEAD + r * CELL_H - scrollTop, right, 1);
  }
  to.globalAlpha = 1;
  tiles.draw(to, made, { x: -scrollLeft, y: HEAD - scrollTop }, { width, top: HEAD, bottom: height });
  if (frame.selected) ring(to, frame.selected, frame, colours);
  to.restore();

  head(to, made, frame, colours, sprites, firstCol, lastCol, right);
  versions(to, made, frame, colours, firstCol, lastCol, bottom);
  dates(to, made, frame, colours, firstCol, lastCol, Math.min(bottom, height - 24));
}

function ring(to: CanvasRenderingContext2D, at: Cell, frame: Frame, colours: Colours): void {
  const x = at.col * CELL_W - frame.scrollLeft;
  const y = HEAD + at.row * CELL_H - frame.scrollTop;
  to.strokeStyle = colours.text ?? "";
  to.lineWidth = 2;
  to.beginPath();
  to.roundRect(x - 1, y - 1, CELL_W + 2, CELL_H + 2, 5);
  to.stroke();
  to.lineWidth = 1;
}

function head(
  to: CanvasRenderingContext2D,
  made: Model,
  frame: Frame,
  colours: Colours,
  sprites: Sprites,
  firstCol: number,
  lastCol: number,
  right: number,
): void {
  const { runs, medianMs } = made;
  const top = roundSpan(made.longestMs);
  to.fillStyle = colours.s2 ?? "";
  to.fillRect(0, 0, frame.width, HEAD);
  to.strokeStyle = colours.line ?? "";
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const y = Math.round(BASE_Y - share * BARS) + 0.5;
    to.beginPath();
    to.moveTo(0, y);
    to.lineTo(right, y);
    to.stroke();
  }
  for (let c = firstCol; c <= lastCol; c += 1) {
    const run = runs[c];
    if (!run) continue;
    const x = c * CELL_W - frame.scrollLeft;
    const quiet = run.state === "success";
    if (run.duration_ms) {
      const h = Math.max(2, (run.duration_ms / top) * BARS);
      to.fillStyle = colours[quiet ? "border" : COLOUR[runMark(run.state)]] ?? "";
      if (quiet) to.fillRect(x + 5, BASE_Y - h, 10, h);
      else to.fillRect(x + 3, BASE_Y - h, 14, h);
    }
    sprites.draw(to, runMark(run.state), x + 1, 102, 18, 16, { quiet: true });
  }
  if (medianMs !== undefined && runs.length > 2) {
    const y = Math.round(BASE_Y - (medianMs / top) * BARS) + 0.5;
    to.strokeStyle = colours.text ?? "";
    to.setLineDash([2, 3]);
    to.beginPath();
    to.moveTo(0, y);
    to.lineTo(right, y);
    to.stroke();
    to.setLineDash([]);
    to.fillStyle = colours.text ?? "";
    to.textAlign = "left";
    to.fillText(duration(medianMs), right + 6, y + 4);
  }
}

function versions(
  to: CanvasRenderingContext2D,
  { runs }: Model,
  frame: Frame,
  colours: Colours,
  firstCol: number,
  lastCol: number,
  bottom: number,
): void {
  to.textAlign = "left";
  let free = Number.NEGATIVE_INFINITY;
  for (let c = firstCol; c <= lastCol; c += 1) {
    const run = runs[c];
    if (!run || (c > 0 && runs[c - 1]?.version === run.version)) continue;
    const x = Math.round(c * CELL_W - frame.scrollLeft) + 0.5;
    to.strokeStyle = colours.border ?? "";
    to.beginPath();
    to.moveTo(x, 14);
    to.lineTo(x, bottom);
    to.stroke();
    if (x < free) continue;
    const text = `v${run.version}`;
    to.fillStyle = colours.muted ?? "";
    to.fillText(text, x + 5, 15);
    free = x + 12 + to.measureText(text).width;
  }
}

/** A label where the day (or, for frequent runs, the hour) changes, as many as have room. */
function dates(
  to: CanvasRenderingContext2D,
  { runs }: Model,
  frame: Frame,
  colours: Colours,
  firstCol: number,
  lastCol: number,
  bottom: number,
): void {
  to.textAlign = "center";
  to.fillStyle = colours.s2 ?? "";
  to.fillRect(0, bottom + 1, frame.width, frame.height - bottom);
  const first = ms(runs[0]?.logical_date) ?? 0;
  const last = ms(runs.at(-1)?.logical_date) ?? 0;
  const often = (last - first) / Math.max(1, runs.length) < 4 * 3_600_000;
  let free = Number.NEGATIVE_INFINITY;
  let before = "";
  for (let c = firstCol; c <= lastCol; c += 1) {
    const at = ms(runs[c]?.logical_date);
    if (at === undefined) continue;
    const p = parts(at, frame.zone);
    const key = often ? `${p.day} ${p.hour}` : `${p.year}-${p.month}-${p.day}`;
    const x = c * CELL_W - frame.scrollLeft + CELL_W / 2;
    if (key === before || x < free) continue;
    before = key;
    const text = often ? `${p.hour}:${p.minute}` : `${MONTHS[Number(p.month) - 1]} ${Number(p.day)}`;
    to.strokeStyle = colours.border ?? "";
    to.beginPath();
    to.moveTo(x, bottom + 2);
    to.lineTo(x, bottom + 6);
    to.stroke();
    to.fillStyle = (frame.selected?.col === c ? colours.text : colours.muted) ?? "";
    const half = to.measureText(text).width / 2;
    to.fillText(text, Math.max(half, x), bottom + 20);
    free = x + 2 * half + 40;
  }
}

export const cellWords = (made: Model, at: Cell, zone: string): string => {
  const row = made.rows[at.row];
  const run = made.runs[at.col];
  const state = BY_CODE[made.codes[at.col]?.[at.row] ?? 0];
  const when = run ? dateTime(ms(run.logical_date) ?? 0, zone) : "";
  return `${row?.id ?? ""}, ${when}: ${state ? state.replaceAll("_", " ") : "not in this version"}`;
};
