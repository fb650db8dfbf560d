/**
 * Generates finished runs as SQL, in the shapes that the scheduler's turns write. Through the API all of them would have
 * been made within the same minutes, and there would be no days and hours to show; a hundred thousand runs would take
 * an hour on a debug build besides. Finished runs are never replayed, so they have no events.
 */
import { createHash } from "node:crypto";
import { type BenchDag, FAILING_TASK } from "./dags";

/** Runs ids have their time above these bits. */
const RANDOM_BITS = 20;
/** The stored numbers of states: `RunState` and `InstanceTag`. */
const SUCCESS = 10;
const FAILED = 11;
const UPSTREAM_FAILED = 13;
const SCHEDULED = 2;
/** Of a hundred runs, and of a hundred instances in the large grids. */
const FAILING_PERCENT = 3;

const CAUSES = [
  { code: "exit", message: "the program ended with exit code 3" },
  { code: "author", message: "31 price jumps over 20 % in 'stores'" },
  { code: "timeout", message: "the attempt took longer than 1h" },
  { code: "memory_limit", message: "the attempt needed more than its 256MiB" },
] as const;

/** As `weft-store-sql` makes them: of code and message without what is quoted and words with digits. */
function fingerprint(code: string, message: string): string {
  const text = message
    .replace(/'[^']*'|"[^"]*"/g, "#")
    .replace(/[\p{L}\p{N}_-]*\p{Nd}[\p{L}\p{N}_-]*/gu, "#")
    .replace(/\s+/g, " ")
    .trim();
  return createHash("sha256").update(`${code}\n${text}`).digest("hex").slice(0, 32);
}

const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
const USAGE = text(
  '{"bytes_in":120,"bytes_out":64,"cpu_us":81000,"fuel":null,"log_bytes":900,"memory_peak_bytes":1114112,"wall_us":95000}',
);
/** A number that looks random and is the same each time. */
const hash = (...of: string[]) =>
  `(((${of.map((one, at) => `(${one}) * ${[2654435761, 40503, 69069][at]}`).join(" + ")}) >> 7) & 1048575)`;
const numbers = (count: number) =>
  `WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ${count})`;

const cause = (of: "code" | "error", number: string) =>
  `CASE ${number} % ${CAUSES.length} ${CAUSES.map((one, at) => `WHEN ${at} THEN ${text(of === "code" ? one.code : JSON.stringify({ code: one.code, message: one.message, retryable: false }))}`).join(" ")} END`;

/** The runs of one DAG: the newest ended some minutes ago. */
function runs(dag: BenchDag, nowMs: number): string[] {
  if (dag.runs === 0) return [];
  const of = `(SELECT key, active, shard FROM dags WHERE id = ${text(dag.id)}) AS d`;
  const at = `(${nowMs - 600_000} - (${dag.runs - 1} - n) * ${dag.everyMs} - (d.key * 1009) % 600000)`;
  const took = `(20000 + ${hash("d.key", "n")} % 9000)`;
  const fails = dag.mapped.each || dag.tasks.length > 8 ? "0" : `(${hash("d.key", "n")} % 100 < ${FAILING_PERCENT})`;
  const instances = dag.tasks.reduce((sum, task) => sum + (dag.mapped[task] ?? 1), 0);
  const good = `'{"success":${instances}}'`;
  const bad = `'{"success":${FAILING_TASK},"failed":1,"upstream_failed":${instances - FAILING_TASK - 1}}'`;
  return [
    `${numbers(dag.runs)} INSERT INTO runs (id, tenant, dag, version, shard, kind, state, logical_date, interval_start,
      interval_end, params, not_before, created, started, ended, counts)
    SELECT (${at} << ${RANDOM_BITS}) | (d.key * 2000 + n % 2000), 'default', d.key, d.active, d.shard, ${SCHEDULED},
      CASE WHEN ${fails} THEN ${FAILED} ELSE ${SUCCESS} END, ${at}, ${at} - ${dag.everyMs}, ${at}, '{}', ${at}, ${at}, ${at} + 40,
      ${at} + 40 + ${took}, CASE WHEN ${fails} THEN ${bad} ELSE ${good} END
    FROM numbers, ${of};`,
    `UPDATE dags SET last_number = 1, last_scheduled = (SELECT max(logical_date) FROM runs WHERE runs.dag = dags.key)
      WHERE id = ${text(dag.id)};`,
  ];
}

const COLUMNS =
  "run, task, map_index, state, cause, number, nonce, queued, started, ended, worker, output, error, usage";

/** The instances of DAGs in which one task fails, if one does. */
function ordinaryInstances(tasks: number, ids: string): string {
  const state = `CASE WHEN r.state = ${SUCCESS} OR n < ${FAILING_TASK} THEN ${SUCCESS} WHEN n = ${FAILING_TASK} THEN ${FAILED} ELSE ${UPSTREAM_FAILED} END`;
  const ran = `(r.state = ${SUCCESS} OR n <= ${FAILING_TASK})`;
  const start = `r.started + n * ((r.ended - r.started) / ${tasks})`;
  return `${numbers(tasks)} INSERT INTO task_instances (${COLUMNS})
    SELECT r.id, n, 0, ${state}, CASE WHEN ${ran} THEN 'outcome' ELSE 'rule' END, ${ran}, n + 1,
      iif(${ran}, ${start}, NULL), iif(${ran}, ${start} + 12, NULL), ${start} + (r.ended - r.started) / ${tasks} - 5,
      iif(${ran}, 'local', NULL), iif(${ran} AND NOT (r.state = ${FAILED} AND n = ${FAILING_TASK}), '{"rows":12345}', NULL),
      iif(r.state = ${FAILED} AND n = ${FAILING_TASK}, ${cause("error", "r.id")}, NULL), iif(${ran}, ${USAGE}, NULL)
    FROM numbers CROSS JOIN runs r WHERE r.dag IN (${ids});`;
}

/** The instances of a large grid: some failed and were left at that, so that all states are scattered over it. */
function scatteredInstances(dag: BenchDag): string {
  const key = `(SELECT key FROM dags WHERE id = ${text(dag.id)})`;
  const h = hash("n", "r.id >> 20", "r.id & 1048575");
  const state = `CASE ${h} % 100 WHEN 1 THEN ${FAILED} WHEN 2 THEN ${UPSTREAM_FAILED} WHEN 3 THEN 12 ELSE ${SUCCESS} END`;
  return `${numbers(dag.tasks.length)} INSERT INTO task_instances (${COLUMNS})
    SELECT r.id, n, 0, ${state}, 'outcome', 1, n + 1, r.started, r.started + 9, r.ended - ${h} % 5000, 'local', '1',
      iif(${h} % 100 = 1, ${cause("error", "r.id")}, NULL), ${USAGE}
    FROM numbers CROSS JOIN runs r WHERE r.dag = ${key};`;
}

/** A task of many instances: those of a mapped task, of which one in a thousand failed. */
function mappedInstances(dag: BenchDag): string[] {
  const key = `(SELECT key FROM dags WHERE id = ${text(dag.id)})`;
  return dag.tasks.flatMap((task, index) => {
    const many = dag.mapped[task];
    const state = many ? `iif(n % 1000 = 7, ${FAILED}, ${SUCCESS})` : `${SUCCESS}`;
    const rows = `${numbers(many ?? 1)} INSERT INTO task_instances (${COLUMNS})
      SELECT r.id, ${index}, n, ${state}, 'outcome', 1, n + 1, r.started, r.started + 9, r.started + 9 + n % 9000, 'local', '1',
        iif(${state} = ${FAILED}, ${cause("error", "n")}, NULL), ${USAGE} FROM numbers CROSS JOIN runs r WHERE r.dag = ${key};`;
    if (!many) return [rows];
    const failed = Math.floor(many / 1000);
    return [
      rows,
      `INSERT INTO run_tasks (run, task, instances, counts)
        SELECT r.id, ${index}, ${many}, '{"success":${many - failed},"failed":${failed}}' FROM runs r WHERE r.dag = ${key};`,
    ];
  });
}

/** Why attempts failed, by hour and cause, as a turn counts them. */
function failures(ids: string): string[] {
  return CAUSES.map(
    (
      { code, message },
      at,
    ) => `INSERT INTO failures (tenant, hour, dag, version, task, fingerprint, code, message, first_at, last_at,
      attempts, newest)
    SELECT 'default', ended / 3600000, dag, version, ${FAILING_TASK}, X'${fingerprint(code, message)}', ${text(code)}, ${text(message)},
      min(ended), max(ended), count(*), max(printf('%019d %019d %010d %010d', ended, id, 0, 1))
    FROM runs WHERE state = ${FAILED} AND dag IN (${ids}) AND id % ${CAUSES.length} = ${at} GROUP BY ended / 3600000, dag, version;`,
  );
}

/** Everything, for `sqlite3`. */
export function statements(dags: BenchDag[], nowMs: number): string {
  const large = dags.filter(
    ({ tasks, runs, mapped }) => runs > 0 && (tasks.length > 8 || Object.keys(mapped).length > 0),
  );
  const ordinary = dags.filter((dag) => dag.runs > 0 && !large.includes(dag));
  const ids = `SELECT key FROM dags WHERE id IN (${ordinary.map(({ id }) => text(id)).join(", ")})`;
  return [
    "PRAGMA synchronous = OFF;",
    "PRAGMA cache_size = -400000;",
    "BEGIN IMMEDIATE;",
    ...dags.flatMap((dag) => runs(dag, nowMs)),
    ordinaryInstances(ordinary[0]?.tasks.length ?? 0, ids),
    ...large.flatMap((dag) => (Object.keys(dag.mapped).length > 0 ? mappedInstances(dag) : [scatteredInstances(dag)])),
    ...failures(ids),
    "COMMIT;",
    "PRAGMA wal_checkpoint(TRUNCATE);",
  ].join("\n");
}
