/**
 * Exceptions with the author's own files and lines. The program is one file,
 * made of the author's by the bundler; where each piece of it comes from lies
 * beside it in memory (`build/map.mjs`) and is only read where something is to be shown.
 */

interface Places {
  sources: string[];
  /** By line of the program: column, source, line and column there, again and again. */
  lines: Record<string, number[]>;
}

/** Numbers of one piece. */
const PIECE = 4;
/** The most causes that are shown. */
const MOST_CAUSES = 10;

/** The exception, its frames, and what caused it. */
export function trace(error: unknown): string {
  const parts: string[] = [];
  let next = error;
  for (let count = 0; count < MOST_CAUSES; count++) {
    if (!(next instanceof Error)) {
      parts.push(`${count > 0 ? "Caused by: " : "thrown: "}${String(next)}`);
      break;
    }
    const head = [next.name, next.message].filter(Boolean).join(": ");
    parts.push([(count > 0 ? "Caused by: " : "") + head, ...frames(next.stack ?? "")].join("\n"));
    if (next.cause === undefined || next.cause === null) break;
    next = next.cause;
  }
  return parts.join("\n");
}

/** The author's frames, and those of packages. */
function frames(stack: string): string[] {
  const found: string[] = [];
  for (const line of stack.split("\n")) {
    const match = /^\s*at (?:(.*) \()?(?:[^()]*):(\d+):(\d+)\)?$/.exec(line);
    if (!match) continue;
    const place = original(Number(match[2]), Number(match[3]));
    // A frame of the SDK or of the engine, which authors don't need.
    if (!place) continue;
    const name = match[1]?.trim();
    found.push(`    at ${name && name !== "<anonymous>" ? `${name} (${place})` : `(${place})`}`);
  }
  return found;
}

let places: Places | undefined;

function original(line: number, column: number): string | undefined {
  const text = (globalThis as { __weft_places?: string }).__weft_places;
  if (text === undefined) return undefined;
  places ??= JSON.parse(text) as Places;
  const pieces = places.lines[line];
  if (!pieces) return undefined;
  let at = 0;
  while (at + PIECE < pieces.length && pieces[at + PIECE]! < column) at += PIECE;
  return `${places.sources[pieces[at + 1]!]}:${pieces[at + 2]}:${pieces[at + 3]! + 1}`;
}
