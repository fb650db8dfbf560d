/** Serves the generated installation to the bench. `BENCH_FOLDER` keeps it from one time to the next. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveBundle } from "../e2e/bundle";
import { installation } from "./installation";

export default async function setup(): Promise<() => Promise<void>> {
  const folder = process.env.BENCH_FOLDER ?? join(tmpdir(), "weft-ui-bench");
  const server = await installation(folder);
  const bundle = process.env.BUNDLE ? await serveBundle(server.url) : undefined;
  process.env.WEFT_E2E_URL = bundle?.url ?? server.url;
  process.env.WEFT_E2E_TOKEN = server.token;
  process.env.WEFT_BENCH_PID = String(server.pid);
  return async () => {
    bundle?.end();
    await server.end();
  };
}
