/** A list of records as a table. */
import { count, visible } from "../../lib/text";

const MAX_ROWS = 200;
const MAX_COLUMNS = 24;

export interface Table {
  columns: string[];
  rows: Record<string, unknown>[];
}

/** A value that reads best as a table: a list of records with the same fields, mostly. */
export function tableOf(value: unknown): Table | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  if (!value.every((v) => v !== null && typeof v === "object" && !Array.isArray(v))) return undefined;
  const rows = value as Record<string, unknown>[];
  const columns = [...new Set(rows.slice(0, MAX_ROWS).flatMap((row) => Object.keys(row)))];
  return columns.length > 0 && columns.length <= MAX_COLUMNS ? { columns, rows } : undefined;
}

const cell = (v: unknown): string => {
  if (v === undefined) return "";
  const text = typeof v === "string" ? v : JSON.stringify(v);
  return visible(text.length > 200 ? `${text.slice(0, 200)}…` : text);
};

export function DataTable({ table }: { table: Table }) {
  const { columns, rows } = table;
  return (
    <div className="data-table">
      <table className="tbl tight">
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c}>
                <bdi>{visible(c)}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MAX_ROWS).map((row, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of a guest have no other identity
            <tr key={i}>
              {columns.map((c) => (
                <td key={c} className={typeof row[c] === "number" ? "r" : ""}>
                  <bdi>{cell(row[c])}</bdi>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MAX_ROWS && (
        <div className="empty">
          The first {MAX_ROWS} of {count(rows.length)} rows.
        </div>
      )}
    </div>
  );
}
