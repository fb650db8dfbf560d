/** The grid's picture as data: rows with groups, one code per row and run, sums, bars. Pure. */
import type { Grid, GridRun } from "../../api/shapes";
import { decode } from "../../lib/rle";
import { type TreeRow, treeRows } from "../../lib/tree";
import { BY_CODE, CODE, worseCode } from "../../state/states";
import { median } from "../dags/filter";

export interface Row extends TreeRow {
  /** A mark of it is a sum: a group or a mapped task. */
  sum: boolean;
  /** At the right end of its label. */
  note: string;
}

export interface Model {
  rows: Row[];
  /** Oldest first, as they stand from left to right. */
  runs: GridRun[];
  /** Codes by run and row. */
  codes: Uint8Array[];
  medianMs: number | undefined;
  longestMs: number;
}

const decoded = new WeakMap<readonly number[], Uint8Array>();

/** Columns that did not change are not decoded again. */
function column(cells: readonly number[], rows: number): Uint8Array {
  const known = decoded.get(cells);
  if (known && known.length === rows) return known;
  const made = decode(cells, rows);
  decoded.set(cells, made);
  return made;
}

export interface Shown {
  closed: ReadonlySet<string>;
  q: string;
  failedOnly: boolean;
}

export function model(grid: Grid, shown: Shown): Model {
  const { closed, q, failedOnly } = shown;
  const runs = [...grid.runs].reverse();
  const columns = runs.map((run) => column(run.cells, grid.rows.length));
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const failed = CODE.failed;
  const keep = grid.rows.map(
    (row, i) =>
      words.every((word) => row.task.toLowerCase().includes(word)) &&
      (!failedOnly || columns.some((codes) => codes[i] === failed)),
  );
  const kept = grid.rows.flatMap((row, i) => (keep[i] ? [{ row, i }] : []));
  const instances = new Map<number, number>();
  for (const run of runs) for (const m of run.mapped ?? []) instances.set(m.row, m.instances);
  const tree = treeRows(
    kept.map(({ row }) => row.task),
    words.length > 0 || failedOnly ? new Set() : closed,
  );
  const rows: Row[] = tree.map((row) => {
    const tasks = row.tasks.map((at) => kept[at]?.i ?? 0);
    const only = row.kind === "task" ? grid.rows[tasks[0] ?? 0] : undefined;
    const many = only?.mapped ? instances.get(tasks[0] ?? -1) : undefined;
    return {
      ...row,
      tasks,
      sum: row.kind === "group" || Boolean(only?.mapped),
      note:
        row.kind === "group"
          ? `${row.tasks.length} tasks`
          : many !== undefined
            ? `× ${many.toLocaleString("en")}`
            : only?.mapped
              ? "mapped"
              : "",
    };
  });
  const codes = columns.map((codesOf) => {
    const out = new Uint8Array(rows.length);
    rows.forEach((row, r) => {
      let code = 0;
      for (const i of row.tasks) code = worseCode(code, codesOf[i] ?? 0);
      out[r] = code;
    });
    return out;
  });
  const lasted = runs.flatMap((run) => (run.duration_ms ? [run.duration_ms] : []));
  return { rows, runs, codes, medianMs: median(lasted), longestMs: Math.max(1, ...lasted) };
}

export interface Cell {
  row: number;
  col: number;
}

/** All failed cells of tasks, the newest run first, in it from the top. */
export function failures({ rows, codes }: Model): Cell[] {
  const out: Cell[] = [];
  for (let col = codes.length - 1; col >= 0; col -= 1) {
    rows.forEach((row, r) => {
      const state = BY_CODE[codes[col]?.[r] ?? 0];
      if (row.kind === "task" && state === "failed") out.push({ row: r, col });
    });
  }
  return out;
}

/** The failure after (or before) a cell in that order; without a cell the first (or last). */
export function nextFailure(made: Model, at: Cell | undefined, by: 1 | -1): Cell | undefined {
  const all = failures(made);
  if (all.length === 0) return undefined;
  if (!at) return by > 0 ? all[0] : all.at(-1);
  const after = (c: Cell) => c.col < at.col || (c.col === at.col && c.row > at.row);
  const before = (c: Cell) => c.col > at.col || (c.col === at.col && c.row < at.row);
  return by > 0 ? (all.find(after) ?? all[0]) : ([...all].reverse().find(before) ?? all.at(-1));
}
