/** Deliveries of a supplier: examples/sensors, in TypeScript. */

import { chain, type Context, dag, log, mapGroup, task } from "@weft/sdk";
import { httpReady, timeWindow, waitUntil } from "@weft/sdk/sensors";

/** The only host that the tasks may reach: the supplier's. */
const SUPPLIER = { http: ["http://127.0.0.1:8000"] };

/** Seconds until the second check. A real supplier is asked once a minute. */
const EVERY = 1;

/** What has not come after so many seconds does not come any more. */
const TIMEOUT = 6 * 3600;

type Row = Record<string, string>;

interface Total {
  file: string;
  orders: number;
  cents: number;
}

const serviceUp = task(
  { id: "service_up", grants: SUPPLIER, description: "Wait until the service says that it is well." },
  async function serviceUp({ url }: { url: string }, context: Context): Promise<void> {
    await httpReady(context, `${url}/health`, { every: EVERY, timeout: TIMEOUT });
  },
);

export const opened = task(
  { description: "Wait until the hours in which the supplier may be used, in UTC." },
  function opened({ opens, closes }: { opens: string; closes: string }, context: Context): void {
    timeWindow(context, opens, closes);
  },
);

const manifestThere = task(
  { id: "manifest_there", grants: SUPPLIER, description: "Wait until the manifest is there, longer from check to check; the files that it lists." },
  function manifestThere({ url }: { url: string }, context: Context): Promise<string[]> {
    return waitUntil(context, () => manifest(url), { every: EVERY, backoff: 2, maxEvery: 60, timeout: TIMEOUT });
  },
);

const get = (url: string): Promise<Response> => fetch(url, { signal: AbortSignal.timeout(30_000) });

/** The files of the manifest; null while there is no manifest. */
export async function manifest(url: string): Promise<string[] | null> {
  const answer = await get(`${url}/manifest.json`);
  if (answer.ok) return ((await answer.json()) as { files: string[] }).files;
  log.info(`there is no manifest yet: ${answer.status}`);
  return null;
}

/** A file with a line of names and a line for each row; without quotes. */
function rowsOf(csv: string): Row[] {
  const [names = [], ...rows] = csv.trim().split(/\r?\n/).map((line) => line.split(","));
  return rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at] ?? ""])));
}

const fetchRows = task(
  { id: "fetch", grants: SUPPLIER, retries: 3, retryDelay: "1s", description: "The rows of a file." },
  async function fetchRows({ url, name }: { url: string; name: string }): Promise<Row[]> {
    const answer = await get(`${url}/${name}`);
    if (!answer.ok) throw new Error(`${name} was answered with ${answer.status}`);
    return rowsOf(await answer.text());
  },
);

const sum = (numbers: number[]): number => numbers.reduce((one, other) => one + other, 0);

const total = task({ description: "What the rows of a file add up to." }, function total({ name, rows }: { name: string; rows: Row[] }): Total {
  return { file: name, orders: rows.length, cents: sum(rows.map(({ cents }) => Number(cents))) };
});

const report = task({ description: "All files in a line." }, function report({ totals }: { totals: Total[] }): string {
  const [orders, cents] = [sum(totals.map((one) => one.orders)), sum(totals.map((one) => one.cents))];
  return `${totals.length} files with ${orders} orders of ${(cents / 100).toFixed(2)}`;
});

export const deliveries = dag(
  { params: { url: "http://127.0.0.1:8000", opens: "00:00", closes: "23:59" } },
  function deliveries({ url, opens, closes }) {
    const files = manifestThere({ url });
    chain([serviceUp({ url }), opened({ opens, closes })], files);
    const totals = mapGroup("load", { name: files }, ({ name }) => total({ name, rows: fetchRows({ url, name }) }));
    report({ totals });
  },
);
