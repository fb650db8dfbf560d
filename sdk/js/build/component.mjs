// Makes a component of the bundled program, with componentize-qjs: the program
// runs once, up to the end of its modules, and what is in memory then is kept.

import { readFile, writeFile } from "node:fs/promises";

const COMPONENT_IMPORTS = 10;
const PREAMBLE_BYTES = 8;
/** What the engine says before the program's own words. */
const ENGINE = /^.*Failed to (?:finish JavaScript module evaluation|declare JavaScript module|evaluate user JavaScript module): /;

/** `plan`: bundle, wit, component. Answers with what the program threw, if it did. */
export async function component({ componentize }, plan) {
  const source = await readFile(plan.bundle, "utf8");
  try {
    const { component } = await componentize({ witPath: plan.wit, jsSource: source, world: "guest", sync: true });
    await writeFile(plan.component, renamed(component));
    return undefined;
  } catch (error) {
    return mapped(String(error.message ?? error).replace(ENGINE, ""), source);
  }
}

/**
 * Gives WASI its name back in what the component imports (see wit/guest.wit).
 * Both names have one length, so that nothing else moves.
 */
export function renamed(component) {
  const bytes = Buffer.from(component);
  for (let at = PREAMBLE_BYTES; at < bytes.length; ) {
    const id = bytes[at++];
    let [size, shift] = [0, 0];
    for (let more = true; more; shift += 7) {
      more = (bytes[at] & 0x80) !== 0;
      size += (bytes[at++] & 0x7f) * 2 ** shift;
    }
    const section = bytes.subarray(at, at + size);
    if (id === COMPONENT_IMPORTS) {
      for (let found = section.indexOf("wqjs:"); found >= 0; found = section.indexOf("wqjs:", found)) section.write("wasi:", found);
    }
    at += size;
  }
  return bytes;
}

/** The engine's words, with the author's files and lines. */
function mapped(words, source) {
  const { sources, lines } = JSON.parse(JSON.parse(/^globalThis\.__weft_places=(.*);$/m.exec(source)[1]));
  const said = words.split("\n").flatMap((line) => {
    const frame = /^(\s*at )(?:(.*) \()?[^()]*:(\d+):(\d+)\)?$/.exec(line);
    if (!frame) return [line];
    const pieces = lines[frame[3]];
    if (!pieces) return [];
    let at = 0;
    while (at + 4 < pieces.length && pieces[at + 4] < Number(frame[4])) at += 4;
    const place = `${sources[pieces[at + 1]]}:${pieces[at + 2]}:${pieces[at + 3] + 1}`;
    const name = frame[2]?.trim();
    return [name && name !== "<anonymous>" ? `    at ${name} (${place})` : `    at ${place}`];
  });
  return said.join("\n").trim();
}
