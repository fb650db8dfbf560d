// Builds the bundle to ../dist and compresses it. Deterministic: the same sources give the same bytes.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "vite";

const dist = new URL("../../dist/", import.meta.url).pathname;
const COMPRESSED = /\.(js|css|svg|json)$/;

await build({ root: new URL("..", import.meta.url).pathname });

let first = 0;
const html = readFileSync(join(dist, "index.html"), "utf8");
for (const entry of readdirSync(dist, { recursive: true }).sort()) {
  const path = join(dist, entry);
  if (!statSync(path).isFile() || !COMPRESSED.test(entry)) continue;
  const raw = readFileSync(path);
  const packed = brotliCompressSync(raw, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 22,
      [constants.BROTLI_PARAM_SIZE_HINT]: raw.length,
    },
  });
  writeFileSync(`${path}.br`, packed);
  rmSync(path);
  const onFirstLoad = html.includes(entry);
  if (onFirstLoad && entry.endsWith(".js")) first += packed.length;
  console.log(`${entry}.br ${packed.length} bytes${onFirstLoad ? " (first load)" : ""}`);
}

const MAX_FIRST_LOAD = 300 * 1024;
console.log(`first load: ${(first / 1024).toFixed(1)} KB of script`);
if (first > MAX_FIRST_LOAD) {
  console.error(`the first load may be at most ${MAX_FIRST_LOAD / 1024} KB of script`);
  process.exit(1);
}
