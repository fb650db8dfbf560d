/** Run-length columns of states, as the grid's answer has them: `[code, length, code, length, …]`. */

/** Expands a column to one code per row. Rows that the column does not name stay 0 (absent). */
export function decode(cells: readonly number[], rows: number): Uint8Array {
  const out = new Uint8Array(rows);
  let at = 0;
  for (let i = 0; i + 1 < cells.length && at < rows; i += 2) {
    const code = cells[i] ?? 0;
    const length = Math.max(0, cells[i + 1] ?? 0);
    out.fill(code, at, Math.min(rows, at + length));
    at += length;
  }
  return out;
}

/** The inverse: used to write a changed column back to the cache. */
export function encode(codes: Uint8Array): number[] {
  const out: number[] = [];
  for (let i = 0; i < codes.length; ) {
    const code = codes[i] ?? 0;
    let end = i + 1;
    while (end < codes.length && codes[end] === code) end += 1;
    out.push(code, end - i);
    i = end;
  }
  return out;
}

/** Sets one row of a run-length column. */
export function put(cells: readonly number[], rows: number, row: number, code: number): number[] {
  const codes = decode(cells, rows);
  if (row >= 0 && row < rows) codes[row] = code;
  return encode(codes);
}
