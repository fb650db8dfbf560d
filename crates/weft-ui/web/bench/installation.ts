/** The generated installation: 500 DAGs and 100,000 runs, made once in a folder and served from there. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { address, program } from "../e2e/setup";
import { type BenchDag, dags } from "./dags";
import { statements } from "./fill";

const WFCTL = process.env.WFCTL ?? "wfctl";
/** Written last: without it a folder is made anew. */
const MADE = "made.json";
/** How long a run of the installation itself may take. */
const RUN_MS = 180_000;
/** As large a file of DAGs as is still deployed at once: the large ones alone, the others together. */
const LARGE_TASKS = 1000;

export interface Served {
  url: string;
  token: string;
  pid: number;
  end(): Promise<void>;
}

async function serve(data: string): Promise<Served> {
  const process_: ChildProcess = spawn(
    WFCTL,
    ["up", "--data", data, "--listen", "127.0.0.1:0", "--slots", "16", "--keep-runs", "forever"],
    { stdio: ["ignore", "inherit", "pipe"], env: { ...process.env, WEFT_DATA_DIR: data } },
  );
  const gone = new Promise<void>((resolve) => process_.once("exit", () => resolve()));
  if (!process_.stderr || !process_.pid) throw new Error(`${WFCTL} did not start`);
  const url = await address(process_.stderr);
  return {
    url,
    token: readFileSync(join(data, "admin.token"), "utf8").trim(),
    pid: process_.pid,
    end: async () => {
      process_.kill("SIGTERM");
      await gone;
    },
  };
}

export async function call<T>(server: Served, method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${server.url}/api/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** Triggers a run; returns its id. */
export async function trigger(server: Served, dag: string): Promise<string> {
  return (await call<{ id: string }>(server, "POST", `dags/${dag}/runs`, { params: {} })).id;
}

export async function ended(server: Served, run: string): Promise<void> {
  const until = Date.now() + RUN_MS;
  for (;;) {
    const { state } = await call<{ state: string }>(server, "GET", `runs/${run}`);
    if (state === "success") return;
    if (state !== "running" && state !== "queued") throw new Error(`the run ${run} is ${state}`);
    if (Date.now() > until) throw new Error(`the run ${run} did not end`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function deploy(folder: string, server: Served, name: string, some: BenchDag[], wasm: Buffer): void {
  const file = join(folder, name);
  mkdirSync(file, { recursive: true });
  writeFileSync(join(file, "program.wasm"), wasm);
  const document = { contract: "weft.dag/1", dags: some.map((dag) => dag.document) };
  writeFileSync(join(file, "dag.json"), JSON.stringify(document));
  const env = { ...process.env, WEFT_URL: server.url, WEFT_TOKEN: server.token, WEFT_DATA_DIR: folder };
  execFileSync(WFCTL, ["deploy", join(file, "dag.json")], { env, stdio: ["ignore", "ignore", "inherit"] });
}

async function make(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const data = join(folder, "data");
  const all = dags();
  const server = await serve(data);
  try {
    await filled(folder, server, all);
  } finally {
    await server.end();
  }
  console.log("writing the finished runs");
  execFileSync("sqlite3", ["-bail", join(data, "weft.db")], {
    input: statements(all, Date.now()),
    stdio: ["pipe", "ignore", "inherit"],
  });
  writeFileSync(join(folder, MADE), JSON.stringify({ at: Date.now() }));
}

/** What the installation has to do itself: its DAGs, and a run that prints. */
async function filled(folder: string, server: Served, all: BenchDag[]): Promise<void> {
  const wasm = await program();
  const large = all.filter(({ tasks }) => tasks.length >= LARGE_TASKS);
  for (const dag of large) deploy(folder, server, dag.id, [dag], wasm);
  const rest = all.filter((dag) => !large.includes(dag));
  deploy(folder, server, "rest", rest, wasm);
  await ended(server, await trigger(server, "log_100mb"));
}

/** Serves the installation of a folder, which is made first if it isn't there. */
export async function installation(folder: string): Promise<Served> {
  if (!existsSync(join(folder, MADE))) await make(folder);
  return await serve(join(folder, "data"));
}
