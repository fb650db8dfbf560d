/** Records as a chart: a line over a date or a number, else bars; the rows' numbers, in grey, since only states have a hue. */
import { useState } from "react";
import { count, visible } from "../../lib/text";
import { Select } from "../../parts/controls";
import { useWidth } from "../../parts/width";
import type { Table } from "./data-table";

const HEIGHT = 240;
const MARGIN = { left: 64, right: 16, top: 12, bottom: 28 };
/** More rows are thinned out to their extremes. */
const MAX_POINTS = 2000;

export interface Series {
  /** The columns that have numbers. */
  numbers: string[];
  /** The columns that can be the axis; the first is the best. */
  axes: string[];
}

const isDate = (v: unknown): v is string =>
  typeof v === "string" && /^\d{4}-\d\d-\d\d/.test(v) && !Number.isNaN(Date.parse(v));

/** What of a table can be drawn: at least two rows and one column of numbers. */
export function seriesOf({ columns, rows }: Table): Series | undefined {
  if (rows.length < 2) return undefined;
  const all = (column: string, is: (v: unknown) => boolean) =>
    rows.every((row) => row[column] === null || is(row[column]));
  const numbers = columns.filter((c) => all(c, (v) => typeof v === "number"));
  if (numbers.length === 0) return undefined;
  const dates = columns.filter((c) => all(c, isDate));
  const names = columns.filter((c) => !dates.includes(c) && all(c, (v) => typeof v === "string"));
  return { numbers, axes: [...dates, ...names, ...numbers] };
}

/** Round numbers between two, about four of them. */
export function steps(from: number, to: number): number[] {
  const span = to - from || Math.abs(to) || 1;
  const raw = span / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((s) => s >= raw) ?? raw;
  const out: number[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to + step / 1e6 && out.length < 20; at += step) out.push(at);
  return out;
}

const shortNumber = (n: number): string =>
  Math.abs(n) >= 1e5 || (n !== 0 && Math.abs(n) < 1e-3) ? n.toExponential(1) : String(Math.round(n * 1e6) / 1e6);

export function Chart({ table, series }: { table: Table; series: Series }) {
  const [y, setY] = useState(series.numbers.find((c) => c !== series.axes[0]) ?? series.numbers[0] ?? "");
  const [x, setX] = useState(series.axes[0] ?? "");
  return (
    <div className="col g8 pad16">
      <div className="row g8">
        <Select label="Value" value={y} options={options(series.numbers)} onChange={setY} />
        <span className="mut">by</span>
        <Select label="Axis" value={x} options={options(series.axes)} onChange={setX} />
      </div>
      <Drawn table={table} x={x} y={y} />
    </div>
  );
}

const options = (columns: readonly string[]) => columns.map((c) => ({ id: c, label: visible(c) }));

function Drawn({ table, x, y }: { table: Table; x: string; y: string }) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const every = Math.max(1, Math.ceil(table.rows.length / MAX_POINTS));
  const points = table.rows
    .filter((_, i) => i % every === 0)
    .flatMap((row, i) => {
      const [at, value] = [row[x], row[y]];
      const place = typeof at === "number" ? at : isDate(at) ? Date.parse(at) : i;
      return typeof value === "number" && Number.isFinite(value) ? [{ place, value, name: String(at) }] : [];
    });
  const named = points.some((p) => Number.isNaN(Number(p.name)) && !isDate(p.name));
  if (!named) points.sort((a, b) => a.place - b.place);
  const values = points.map((p) => p.value);
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values, low + 1e-9);
  const first = Math.min(...points.map((p) => p.place));
  const last = Math.max(...points.map((p) => p.place));
  const inner = Math.max(1, width - MARGIN.left - MARGIN.right);
  const tall = HEIGHT - MARGIN.top - MARGIN.bottom;
  const slot = inner / Math.max(1, points.length);
  const px = (place: number, i: number) =>
    MARGIN.left + (named ? (i + 0.5) * slot : ((place - first) / (last - first || 1)) * inner);
  const py = (value: number) => MARGIN.top + (1 - (value - low) / (high - low)) * tall;
  const words = `${visible(y)} of ${count(points.length)} rows by ${visible(x)}, from ${shortNumber(Math.min(...values))} to ${shortNumber(Math.max(...values))}`;
  return (
    <div ref={ref}>
      <svg width={width} height={HEIGHT} role="img" aria-label={words} fontSize="12">
        {steps(low, high).map((at) => (
          <g key={at}>
            <path d={`M${MARGIN.left} ${Math.round(py(at)) + 0.5}H${width - MARGIN.right}`} stroke="var(--line)" />
            <text x={MARGIN.left - 8} y={py(at) + 4} textAnchor="end" fill="var(--muted)">
              {shortNumber(at)}
            </text>
          </g>
        ))}
        {named ? (
          points.map((p, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of a guest have no other identity
            <g key={i}>
              <rect
                x={px(p.place, i) - Math.max(1, slot * 0.35)}
                width={Math.max(2, slot * 0.7)}
                y={Math.min(py(p.value), py(0))}
                height={Math.max(1, Math.abs(py(p.value) - py(0)))}
                fill="var(--border)"
              >
                <title>{`${visible(p.name)}: ${p.value}`}</title>
              </rect>
              {slot > 48 && (
                <text x={px(p.place, i)} y={HEIGHT - 8} textAnchor="middle" fill="var(--muted)">
                  {visible(p.name).slice(0, Math.floor(slot / 7))}
                </text>
              )}
            </g>
          ))
        ) : (
          <>
            <path
              d={points
                .map((p, i) => `${i === 0 ? "M" : "L"}${px(p.place, i).toFixed(1)} ${py(p.value).toFixed(1)}`)
                .join("")}
              fill="none"
              stroke="var(--text)"
              strokeWidth="1.5"
            />
            {[points[0], points.at(-1)].map(
              (p, i) =>
                p && (
                  <text
                    // biome-ignore lint/suspicious/noArrayIndexKey: the first and the last
                    key={i}
                    x={i === 0 ? MARGIN.left : width - MARGIN.right}
                    y={HEIGHT - 8}
                    textAnchor={i === 0 ? "start" : "end"}
                    fill="var(--muted)"
                  >
                    {visible(p.name).slice(0, 24)}
                  </text>
                ),
            )}
          </>
        )}
      </svg>
    </div>
  );
}
