/** The DAGs of the tests, as manifests; `fixtures/program.wat` says what the arguments do, `fixtures/waits.wat` what waits. */

interface SeededDag {
  id: string;
  toml: string;
  /** Further arguments of `wfctl runs trigger`, one list for each run. */
  runs: string[][];
}

const task = (id: string, args: string[], more = ""): string =>
  `[tasks.${id.includes(".") ? JSON.stringify(id) : id}]\nprogram = "program.wasm"\nargs = ${JSON.stringify(args)}\n${more}\n`;

/** Half a day from now, so that a schedule adds no run to those that tests look at, whenever they are run. */
const HOUR = (new Date().getUTCHours() + 12) % 24;

/** Groups, a mapped task, a task that fails if its parameter says so. */
const stock = (id: string): string => `[dag]
id = "${id}"
description = "Stock of every store, once a day"
schedule = "0 ${HOUR} * * *"
timezone = "Europe/Berlin"
tags = ["retail"]
[dag.params]
code = { default = 0, schema = { type = "integer", minimum = 0, maximum = 9 }, description = "Exit code of check" }
region = { default = "all", schema = { type = "string", enum = ["all", "north"] } }
${task("list_stores", ["!reading the list", "=[1,2,3]"])}
${task("extract.fetch_store", ["!GET /stores/{{ inputs.store }}", "={{ inputs.store }}"], 'expand = { store = "list_stores" }')}
${task("extract.land", ["#300", '={"rows": [{"store": 1, "stock": 12}, {"store": 2, "stock": 7}]}'], 'inputs = { s = "extract.fetch_store" }')}
${task("check", ["!checking", "!error: 31 price jumps over 20 %", "x{{ params.code }}"], 'fail_on_exit = [7]\ninputs = { l = "extract.land" }')}
${task("publish", ["=1"], 'inputs = { c = "check" }')}
`;

/** Long enough to be watched. */
const SLOW = `[dag]
id = "slow"
${task("first", ["!one", "~4000", "!two", "~2000", "!three", "=1"])}
${task("second", ["~300", "=2"], 'inputs = { f = "first" }')}
`;

/** Runs until it is cancelled. */
const WAITS = `[dag]
id = "waits"
${task("only", ["~300000", "=1"])}
`;

/** As many lines as the limits let a task print at once. */
const BIG = `[dag]
id = "big"
${task("print", ["@19000", "!error: the last but one", "!the end"])}
`;

/** Everything that a guest may write, written to be taken for markup or commands. */
const HOSTILE = `[dag]
id = "hostile"
description = "<img src=x onerror='window.pwned=1'> \\u202Egnihton"
tags = ["<b>tag</b>"]
[dag.params]
html = { default = "<script>window.pwned=1</script>", description = "<i onclick='window.pwned=1'>x</i>" }
${task("speak", [
  "!<script>window.pwned=1</script>",
  "!\u001b[31mred\u001b[0m \u001b]8;;javascript:window.pwned=1\u0007link\u001b]8;;\u0007",
  "!\u202Etxt.exe",
  `={"<img src=x onerror=window.pwned=1>": "<svg onload=window.pwned=1>", "md": "[x](javascript:alert(1))", "__proto__": {"a": 1}}`,
])}
${task("fail", ["!error: <iframe src=javascript:alert(1)>", "x3"], 'inputs = { s = "speak" }')}
`;

/** A task that ends with the control document in its input, see `fixtures/waits.wat`. */
const waits = (id: string, input: string, more = ""): string =>
  `[tasks.${id}]\ncomponent = "waits.wasm"\ntask = "wait"\n${input}\n${more}\n`;

/** Waits for an event. */
const BOOKS = `[dag]
id = "books"
[dag.params.wait]
default = { kind = "defer", event = "closed", timeout_ms = 3600000, state = "closed" }
${waits("confirm", 'inputs = { control = { param = "wait" } }')}
`;

/** Calls two runs of it. */
const MONTH_END = `[dag]
id = "month_end"
[dag.params.calls]
default = [
  { kind = "defer", call = { dag = "books" }, state = "north" },
  { kind = "defer", call = { dag = "books" }, state = "south" },
]
${waits("close", 'expand = { control = { param = "calls" } }', 'grants = { dags = ["books"] }')}
`;

/** Updates two assets: of one it says more, see `assets.spec.ts`. */
const LOAD_ORDERS = `[dag]
id = "load_orders"
[dag.params.update]
default = { kind = "update", output = 3, assets = [
  { asset = "s3://lake/orders", partition = "2026-11-26", metadata = { rows = 3 } },
] }
${waits("load", 'inputs = { control = { param = "update" } }\noutlets = ["s3://lake/orders", "stock"]')}
`;

/** Runs are created of it by what `load_orders` and people update. */
const ORDERS_REPORT = `[dag]
id = "orders_report"
on_assets = { any = ["s3://lake/orders", ["rates", "targets"]] }
[dag.params.assets]
default = {}
${task("summarize", ["=1"], 'outlets = ["orders/report"]')}
`;

/** Asks people: what is asked is a parameter, see `approvals.spec.ts`. */
const RELEASES = `[dag]
id = "releases"
[dag.params.ask]
default = { kind = "defer", approval = { subject = "Release 1.2?" }, timeout_ms = 3600000, state = "released" }
${waits("release", 'inputs = { control = { param = "ask" } }')}
`;

/**
 * A mapped task, and one that fails if its parameter says so: cleared and acted on by the dozen. Its exit code is another
 * than that of the failures that Home's tests look for.
 */
const ledger = (id: string, tag: string): string => `[dag]
id = "${id}"
tags = ["${tag}"]
[dag.params]
code = { default = 0 }
${task("list", ["=[1,2,3,4]"])}
${task("load", ["={{ inputs.n }}"], 'expand = { n = "list" }')}
${task("check", ["=1", "x{{ params.code }}"], 'fail_on_exit = [9]\ninputs = { l = "load" }')}
${task("report", ["=1"], 'inputs = { c = "check" }')}
`;

/** Paused by tests, so that its runs wait. */
const parked = (id: string, ms: number): string => `[dag]
id = "${id}"
tags = ["parked"]
${task("first", [`~${ms}`, "=1"])}
${task("second", ["=2"], 'inputs = { f = "first" }')}
`;

/** No run without its parameter. */
const NEEDY = `[dag]
id = "needy"
[dag.params]
day = {}
${task("only", ["=1"])}
`;

const VEGA = "https://vega.github.io/schema/vega-lite/v5.json";
const stores = [1, 2, 3].map((store) => ({ store, stock: store * 7 }));
const encoding = { x: { field: "store", type: "ordinal" }, y: { field: "stock", type: "quantitative" } };
/** A chart that tries to load, to run and to lead away. */
const HOSTILE_CHART = {
  $schema: VEGA,
  title: "</script><script>parent.pwned=1</script>",
  data: { url: "/api/v1/whoami" },
  transform: [
    { calculate: "[].constructor.constructor('parent.pwned=1;fetch(\\'/api/v1/tokens\\')')()", as: "a" },
    { lookup: "store", from: { data: { url: "http://127.0.0.1:9/stolen.json" }, key: "store", fields: ["b"] } },
  ],
  params: [{ name: "p", expr: "window.parent.pwned = 1" }],
  layer: [
    { mark: { type: "image", url: "http://127.0.0.1:9/pixel.png" }, encoding },
    { mark: { type: "point", href: "javascript:parent.pwned=1" }, encoding },
  ],
  usermeta: { embedOptions: { loader: { baseURL: "http://127.0.0.1:9/" } } },
};

/** Charts, as a notebook's and by their schema. */
const CHARTS = `[dag]
id = "charts"
${task("bars", [`=${JSON.stringify({ $schema: VEGA, data: { values: stores }, mark: "bar", encoding })}`])}
${task("typed", [`=${JSON.stringify({ "application/vnd.vegalite.v5+json": { data: { values: stores }, mark: "line", encoding }, "text/plain": "3 stores" })}`])}
${task("hostile", [`=${JSON.stringify(HOSTILE_CHART)}`])}
${task("images", [`=${JSON.stringify({ ...HOSTILE_CHART, data: { values: stores }, transform: [], params: [] })}`])}
`;

export const DAGS: SeededDag[] = [
  {
    // Only looked at.
    id: "nightly_stock",
    toml: stock("nightly_stock"),
    runs: [
      ["--logical-date", "2026-11-20T01:00:00Z"],
      ["--logical-date", "2026-11-21T01:00:00Z", "-p", "code=7"],
      ["--logical-date", "2026-11-22T01:00:00Z"],
      ["--logical-date", "2026-11-23T01:00:00Z", "-p", "code=7"],
    ],
  },
  // Triggered and cleared by tests.
  { id: "orders", toml: stock("orders"), runs: [] },
  { id: "slow", toml: SLOW, runs: [] },
  { id: "big", toml: BIG, runs: [[]] },
  { id: "hostile", toml: HOSTILE, runs: [[]] },
  { id: "waits", toml: WAITS, runs: [] },
  { id: "charts", toml: CHARTS, runs: [[]] },
  { id: "ledger", toml: ledger("ledger", "accounts"), runs: [] },
  { id: "invoices", toml: ledger("invoices", "billing"), runs: [] },
  { id: "parked", toml: parked("parked", 100), runs: [] },
  { id: "held", toml: parked("held", 8000), runs: [] },
  { id: "needy", toml: NEEDY, runs: [] },
  { id: "books", toml: BOOKS, runs: [] },
  { id: "month_end", toml: MONTH_END, runs: [] },
  { id: "releases", toml: RELEASES, runs: [] },
  { id: "load_orders", toml: LOAD_ORDERS, runs: [] },
  { id: "orders_report", toml: ORDERS_REPORT, runs: [] },
];
