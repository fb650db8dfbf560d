/**
 * Makes `src/views/welcome/example.wasm`, the DAG that an empty installation offers: run it after the program or the
 * manifest has changed. WFCTL names the program that packs it.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import wabt from "wabt";

const from = new URL("../e2e/fixtures/program.wat", import.meta.url);
const manifest = new URL("./example.toml", import.meta.url);
const to = new URL("../src/views/welcome/example.wasm", import.meta.url);

const folder = mkdtempSync(join(tmpdir(), "weft-example-"));
try {
  const module = (await wabt()).parseWat("program.wat", readFileSync(from, "utf8"), { bulk_memory: true });
  writeFileSync(join(folder, "program.wasm"), module.toBinary({}).buffer);
  copyFileSync(manifest, join(folder, "dag.toml"));
  execFileSync(process.env.WFCTL ?? "wfctl", ["build", folder, "--output", join(folder, "dag.wasm")], {
    stdio: "inherit",
  });
  copyFileSync(join(folder, "dag.wasm"), to);
} finally {
  rmSync(folder, { recursive: true });
}
