/** Starts an installation, deploys DAGs to it and runs them; ends it afterwards. */
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import wabt from "wabt";
import { serveBundle } from "./bundle";
import { DAGS } from "./dags";

const WFCTL = process.env.WFCTL ?? "wfctl";
/** How long an installation may take to answer, and the seeded runs to end. */
const START_MS = 60_000;
const RUNS_MS = 60_000;

/** The program that the tests' tasks run. */
export async function program(): Promise<Buffer> {
  const text = readFileSync(new URL("./fixtures/program.wat", import.meta.url), "utf8");
  const module = (await wabt()).parseWat("program.wat", text, { bulk_memory: true });
  return Buffer.from(module.toBinary({}).buffer);
}

/** The address that the server names on standard error, which is passed on. */
export function address(output: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => reject(new Error(`wfctl up printed no address: ${text}`)), START_MS);
    output.on("data", (piece: Buffer) => {
      process.stderr.write(piece);
      text += piece.toString();
      const found = /(http:\/\/127\.0\.0\.1:\d+)/.exec(text);
      if (!found?.[1]) return;
      clearTimeout(timer);
      resolve(found[1]);
    });
  });
}

async function ended(url: string, token: string): Promise<void> {
  const until = Date.now() + RUNS_MS;
  for (;;) {
    const answer = await fetch(`${url}/api/v1/runs?limit=200`, { headers: { authorization: `Bearer ${token}` } });
    const { items } = (await answer.json()) as { items: { state: string }[] };
    if (items.every((run) => run.state !== "running" && run.state !== "queued")) return;
    if (Date.now() > until) throw new Error("the seeded runs did not end");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

export default async function setup(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "weft-ui-"));
  const data = join(folder, "data");
  const server = spawn(WFCTL, ["up", "--data", data, "--listen", "127.0.0.1:0", "--slots", "8"], {
    stdio: ["ignore", "inherit", "pipe"],
    env: { ...process.env, WEFT_DATA_DIR: folder },
  });
  const gone = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const url = await address(server.stderr);
  const token = readFileSync(join(data, "admin.token"), "utf8").trim();
  const bundle = process.env.BUNDLE ? await serveBundle(url) : undefined;
  const env = { ...process.env, WEFT_URL: url, WEFT_TOKEN: token, WEFT_DATA_DIR: folder };
  const wfctl = (...args: string[]) => execFileSync(WFCTL, args, { env, encoding: "utf8" });

  const wasm = await program();
  for (const { id, toml, runs } of DAGS) {
    const dag = join(folder, id);
    mkdirSync(dag);
    writeFileSync(join(dag, "program.wasm"), wasm);
    copyFileSync(new URL("./fixtures/waits.wasm", import.meta.url), join(dag, "waits.wasm"));
    writeFileSync(join(dag, "dag.toml"), toml);
    wfctl("deploy", dag);
    for (const args of runs) wfctl("runs", "trigger", id, ...args);
  }
  const viewer = await fetch(`${url}/api/v1/tokens`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "reader", role: "viewer", tenant: "default" }),
  });
  if (!viewer.ok) throw new Error(`no token for a viewer: ${viewer.status} ${await viewer.text()}`);
  await ended(url, token);
  process.env.WEFT_E2E_URL = bundle?.url ?? url;
  process.env.WEFT_E2E_TOKEN = token;
  process.env.WEFT_E2E_VIEWER = ((await viewer.json()) as { secret: string }).secret;

  return async () => {
    bundle?.end();
    server.kill("SIGTERM");
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
}
