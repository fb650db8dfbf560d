/** The DAGs of the generated installation: some that are large in one way each, and as many ordinary ones as make 500. */

export interface BenchDag {
  id: string;
  /** As `weft.dag/1` has it. */
  document: Record<string, unknown>;
  /** Task ids in the order of the document, which is the order of their indexes. */
  tasks: string[];
  /** How many finished runs are generated. */
  runs: number;
  /** Milliseconds between two of them. */
  everyMs: number;
  /** How many instances each of these tasks has, if it is mapped: by task id. */
  mapped: Record<string, number>;
}

export const DAGS = 500;
export const RUNS = 100_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const AREAS = ["billing", "catalog", "customers", "fraud", "logistics", "marketing", "orders", "risk", "stock", "web"];
const THINGS = ["daily", "export", "features", "import", "ledger", "quality", "report", "scores", "snapshot", "sync"];

type Tasks = Record<string, Record<string, unknown>>;

const work = (more: Record<string, unknown> = {}) => ({ program: "program.wasm", args: ["=1"], ...more });

const after = (...tasks: string[]) => ({ after: tasks });

function dag(id: string, tasks: Tasks, runs: number, everyMs: number, more: Record<string, unknown> = {}): BenchDag {
  return {
    id,
    document: { id, tags: ["large"], ...more, tasks },
    tasks: Object.keys(tasks),
    runs,
    everyMs,
    mapped: {},
  };
}

const two = (n: number) => String(n).padStart(2, "0");

/** Groups of tasks in a row: `g07.t03` runs after `g06.t03`. */
function groups(count: number, each: number, chained: boolean): Tasks {
  const tasks: Tasks = {};
  for (let g = 0; g < count; g += 1)
    for (let t = 0; t < each; t += 1)
      tasks[`g${two(g)}.t${two(t)}`] = work(chained && g > 0 ? after(`g${two(g - 1)}.t${two(t)}`) : {});
  return tasks;
}

/** Layers without groups, each task after three of the layer before: nothing to fold, so all of it is drawn. */
function layers(count: number, each: number): Tasks {
  const tasks: Tasks = {};
  for (let l = 0; l < count; l += 1)
    for (let t = 0; t < each; t += 1) {
      const before = [t, (t * 7 + l) % each, (t + l) % each].map((at) => `l${two(l - 1)}_${two(at)}`);
      tasks[`l${two(l)}_${two(t)}`] = work(l > 0 ? after(...new Set(before)) : {});
    }
  return tasks;
}

/** What most DAGs of an installation look like. */
function ordinary(number: number): BenchDag {
  const area = AREAS[number % AREAS.length] ?? "";
  const thing = THINGS[Math.floor(number / AREAS.length) % THINGS.length] ?? "";
  const id = `${area}_${thing}_${two(Math.floor(number / (AREAS.length * THINGS.length)))}`;
  const hourly = number % 2 === 0;
  const tasks: Tasks = {
    "extract.accounts": work(),
    "extract.events": work(),
    "extract.prices": work(),
    "transform.clean": work(after("extract.accounts", "extract.events", "extract.prices")),
    "transform.join": work(after("transform.clean")),
    check: work(after("transform.join")),
    load: work(after("check")),
    publish: work(after("load")),
  };
  return dag(id, tasks, 0, hourly ? HOUR_MS : DAY_MS, {
    description: `${thing} of ${area}, ${hourly ? "each hour" : "each day"}`,
    tags: [area, hourly ? "hourly" : "daily"],
    // Far away, so that the schedule is shown and makes no run meanwhile.
    schedule: "0 3 1 1 *",
  });
}

/** The task of an ordinary DAG that fails when one does; those after it are `upstream_failed`. */
export const FAILING_TASK = 5;

export const MAPPED = 100_000;

/** Lines of 5 KB, 100 MB of log: an attempt may print 20,000 lines at once, and then 2,000 a second. */
export const LOG_LINES = 19_900;

export function dags(): BenchDag[] {
  const mapped: BenchDag = {
    ...dag(
      "mapped_100000",
      { list: work(), each: work({ expand: { n: "list" } }), sum: work(after("each")) },
      3,
      DAY_MS,
    ),
    mapped: { each: MAPPED },
  };
  const large = [
    dag("grid_10000", groups(100, 100, false), 25, DAY_MS),
    dag("grid_365", groups(20, 50, true), 365, DAY_MS),
    dag("graph_2000", layers(50, 40), 5, DAY_MS),
    mapped,
    dag(
      "log_100mb",
      {
        print: {
          ...work({ args: [`+${LOG_LINES}`, "!error: a needle in it", "!the end"] }),
          limits: { log: "256MiB" },
        },
      },
      0,
      DAY_MS,
    ),
    dag(
      "live",
      { first: work({ args: ["~3000", "=1"] }), second: work({ args: ["=1"], ...after("first") }) },
      0,
      DAY_MS,
    ),
    dag(
      "busy",
      {
        list: work({ args: [`=${JSON.stringify(Array.from({ length: 400 }, (_, i) => i))}`] }),
        each: work({ args: ["~1000", "!working", "=1"], expand: { n: "list" }, max_active: 16 }),
      },
      0,
      DAY_MS,
    ),
  ];
  const rest = Array.from({ length: DAGS - large.length }, (_, number) => ordinary(number));
  // One run prints the log.
  const left = RUNS - 1 - large.reduce((sum, { runs }) => sum + runs, 0);
  const each = Math.floor(left / rest.length);
  rest.forEach((one, at) => {
    one.runs = each + (at < left - each * rest.length ? 1 : 0);
  });
  return [...large, ...rest];
}
