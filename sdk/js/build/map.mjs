// Where each piece of the bundled program comes from, small and quick to read:
// what esbuild's source map says of the author's files, by lines of the program.
// Of packages only the lines are kept, of the SDK nothing.

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const OWN = "weft-sdk:";

/**
 * `{ sources, lines }`: by line of the program (from 1, after `offset` others)
 * a flat list of column, source, line and column there; columns from 0, lines from 1.
 */
export function table({ sources, mappings }, offset) {
  let [source, line, column] = [0, 0, 0];
  const lines = {};
  for (const [index, group] of mappings.split(";").entries()) {
    let start = 0;
    const found = [];
    for (const text of group ? group.split(",") : []) {
      const [moved, ...original] = vlq(text);
      start += moved;
      if (original.length < 3) continue;
      source += original[0];
      line += original[1];
      column += original[2];
      const name = sources[source];
      if (name.startsWith(OWN) || (name.includes("node_modules/") && found.length > 0)) continue;
      found.push(start, source, line + 1, column);
    }
    if (found.length > 0) lines[index + 1 + offset] = found;
  }
  return { sources, lines };
}

/** Base 64 of numbers of variable length (Source Map revision 3). */
function vlq(text) {
  const numbers = [];
  let [value, shift] = [0, 0];
  for (const digit of text) {
    const bits = DIGITS.indexOf(digit);
    value += (bits & 31) * 2 ** shift;
    shift += 5;
    if (bits & 32) continue;
    numbers.push(value % 2 ? -Math.floor(value / 2) : value / 2);
    [value, shift] = [0, 0];
  }
  return numbers;
}
