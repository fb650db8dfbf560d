//! The document's parser as authors see it: every rule, with its message, its line and its help.
//!
//! One file of more than 500 lines: two thirds are tables of mistakes and their messages.

use weft_core::document::{
    Binding, Code, Document, Format, ProblemCode, Schedule, Source, TaskIndex, parse,
};

fn toml(text: &str) -> Result<Document, String> {
    parse(Source {
        name: "dag.toml",
        text,
        format: Format::Toml,
    })
    .map_err(|error| error.to_string())
}

fn json(text: &str) -> Result<Document, String> {
    parse(Source {
        name: "describe",
        text,
        format: Format::Json,
    })
    .map_err(|error| error.to_string())
}

/// A manifest with one good task, `a`, and this text behind it.
fn after_head(text: &str) -> String {
    format!(
        "[dag]\nid = \"d\"\nparams = {{ url = \"x\" }}\n[tasks.a]\nprogram = \"a.wasm\"\n{text}"
    )
}

#[test]
fn a_manifest_is_read_whole() {
    let document = toml(
        r#"
[dag]
id = "quakes"
schedule = "0 6 * * *"
timezone = "Europe/Berlin"
start = 2026-01-01
tags = ["a", "b"]

[dag.params]
url = "https://earthquake.example.org/day.csv"
top = { schema = { type = "integer", minimum = 1 }, default = 3, description = "how many" }

[tasks.extract]
program = "fetch.wasm"
args = ["--url", "{{ params.url }}"]
grants = { http = ["Earthquake.example.org", "http://10.0.0.1:8080"] }
retries = 3
retry_delay = "1m30s"
timeout = "5m"
limits = { memory = "256MiB", cpu = 30 }

[tasks.strongest]
component = "stats.wasm"
inputs = { quakes = "extract", top = { param = "top" }, first = { task = "extract", pointer = "/0" } }
expand = { by = { value = [1, 2] } }
after = ["extract"]
trigger_rule = "none_failed"
max_active = 2
"#,
    )
    .expect("the document is good");
    let dag = &document.dags[0];
    assert_eq!(dag.id.as_str(), "quakes");
    assert_eq!(dag.schedule, Some(Schedule::Cron("0 6 * * *".into())));
    // Midnight in Berlin, not in UTC.
    assert_eq!(
        dag.start.map(|at| at.to_string()).as_deref(),
        Some("2025-12-31T23:00:00Z")
    );
    let [extract, strongest] = &dag.tasks[..] else {
        panic!("two tasks")
    };
    assert_eq!(
        extract
            .grants
            .http
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["earthquake.example.org", "http://10.0.0.1:8080"]
    );
    assert_eq!(extract.retry_delay.map(|span| span.0), Some(90_000));
    assert_eq!(
        (
            extract.limits.memory_bytes,
            extract.limits.cpu.map(|span| span.0)
        ),
        (Some(256 << 20), Some(30_000))
    );
    assert_eq!(
        strongest.code,
        Code::Component {
            file: "stats.wasm".into(),
            task: "strongest".into()
        }
    );
    assert_eq!(strongest.upstreams, [TaskIndex(0)]);
    assert_eq!(
        strongest.inputs[2].1,
        Binding::Output {
            task: TaskIndex(0),
            pointer: Some("/0".into())
        }
    );
}

#[test]
fn both_shapes_in_both_formats_are_one_document() {
    let many = json(
        r#"{"contract":"weft.dag/1","dags":[{"id":"d","params":{"n":1},"tasks":{"a":{"component":"c.wasm"},"b":{"component":"c.wasm","inputs":{"x":"a"}}}}]}"#,
    );
    let one = json(
        r#"{"dag":{"id":"d","params":{"n":1}},"tasks":{"a":{"component":"c.wasm"},"b":{"component":"c.wasm","inputs":{"x":"a"}}}}"#,
    );
    let manifest = toml(
        "contract = \"weft.dag/1\"\n[dag]\nid=\"d\"\nparams = { n = 1 }\n[tasks.a]\ncomponent=\"c.wasm\"\n[tasks.b]\ncomponent=\"c.wasm\"\ninputs={x=\"a\"}\n",
    );
    let listed = toml(
        "contract = \"weft.dag/1\"\n[[dags]]\nid=\"d\"\nparams = { n = 1 }\n[dags.tasks.a]\ncomponent=\"c.wasm\"\n[dags.tasks.b]\ncomponent=\"c.wasm\"\ninputs={x=\"a\"}\n",
    );
    let many = many.expect("good");
    assert_eq!(many, one.expect("good"));
    assert_eq!(many, manifest.expect("good"));
    assert_eq!(many, listed.expect("good"));
}

#[test]
fn a_component_describes_its_own_tasks_and_a_manifest_cannot() {
    let own = json(r#"{"contract":"weft.dag/1","dags":[{"id":"d","tasks":{"b":{"task":"t"}}}]}"#)
        .expect("good");
    assert_eq!(own.dags[0].tasks[0].code, Code::Own { task: "t".into() });
    let refused = toml("[dag]\nid = \"d\"\n[tasks.a]\n").expect_err("no code");
    assert_eq!(
        refused,
        "dag.toml:3:8: tasks.a: the task names no code (add program = \"file.wasm\" for a WASI program, or component = \"file.wasm\")"
    );
}

/// (the text after the valid head, the whole message)
const REFUSED: &[(&str, &str)] = &[
    (
        "retires = 3\n",
        "dag.toml:6:1: tasks.a.retires: there is no field \"retires\" (did you mean `retries`?)",
    ),
    (
        "retry-delay = 3\n",
        "dag.toml:6:1: tasks.a.retry-delay: there is no field \"retry-delay\" (did you mean `retry_delay`?)",
    ),
    (
        "retries = \"3\"\n",
        "dag.toml:6:11: tasks.a.retries: this must be a whole number, not the text \"3\"",
    ),
    (
        "retries = 1001\n",
        "dag.toml:6:11: tasks.a.retries: this must be between 0 and 1000, not 1001",
    ),
    (
        "retries = -1\n",
        "dag.toml:6:11: tasks.a.retries: this must be between 0 and 1000, not -1",
    ),
    (
        "retry_backoff = 0.5\n",
        "dag.toml:6:17: tasks.a.retry_backoff: this must be between 1 and 100, not 0.5",
    ),
    (
        "retry_jitter = 1.5\n",
        "dag.toml:6:16: tasks.a.retry_jitter: this must be between 0 and 1, not 1.5",
    ),
    (
        "retry_delay = \"5m\"\nretry_max_delay = \"1m\"\n",
        "dag.toml:7:19: tasks.a.retry_max_delay: the longest wait (1m) is shorter than the first one (`retry_delay`, 5m)",
    ),
    (
        "timeout = 0\n",
        "dag.toml:6:11: tasks.a.timeout: a span of zero would end everything before it starts (leave it out for the installation's default)",
    ),
    (
        "timeout = \"5 parsecs\"\n",
        "dag.toml:6:11: tasks.a.timeout: \"5 parsecs\" is no duration (such as \"30s\", \"5m\", \"1h30m\"): unknown time unit \"parsecs\"",
    ),
    (
        "limits = { memory = \"lots\" }\n",
        "dag.toml:6:21: tasks.a.limits.memory: \"lots\" is no size",
    ),
    (
        "limits = { memry = 5 }\n",
        "dag.toml:6:12: tasks.a.limits.memry: there is no field \"memry\" (did you mean `memory`?)",
    ),
    (
        "trigger_rule = \"all_succes\"\n",
        "dag.toml:6:16: tasks.a.trigger_rule: there is no trigger rule \"all_succes\" (did you mean `all_success`?)",
    ),
    (
        "teardown_of = [\"b\"]\n",
        "dag.toml:6:16: tasks.a.teardown_of[0]: the DAG has no task \"b\"",
    ),
    (
        "teardown_of = [\"a\"]\n",
        "dag.toml:4:8: tasks.a: the task waits for itself (remove it from `inputs`, `expand`, `after` or `teardown_of`)",
    ),
    (
        "teardown_of = []\ntrigger_rule = \"all_done\"\n",
        "dag.toml:7:16: tasks.a.trigger_rule: a teardown has a rule of its own: everything upstream ended, and a setup succeeded (remove `trigger_rule` or `teardown_of`)",
    ),
    (
        "teardown_fails_run = true\n",
        "dag.toml:6:22: tasks.a.teardown_fails_run: the task is no teardown; any other task fails its run by itself (add `teardown_of` with the names of its setups, or remove it)",
    ),
    (
        "teardown_of = []\ndepends_on_past = true\n",
        "dag.toml:7:19: tasks.a.depends_on_past: a teardown runs whatever came of other runs (remove `depends_on_past` or `teardown_of`)",
    ),
    (
        "on_missed_deadline = \"stop\"\n",
        "dag.toml:6:22: tasks.a.on_missed_deadline: there is no deadline that could be missed (add `deadline`, such as \"2h\", or remove it)",
    ),
    (
        "deadline = \"2h\"\non_missed_deadline = \"stopp\"\n",
        "dag.toml:7:22: tasks.a.on_missed_deadline: a missed deadline can't do \"stopp\" (did you mean `stop`?)",
    ),
    (
        "zip = true\n",
        "dag.toml:6:7: tasks.a.zip: only a mapped task has lists whose elements go together (add `expand` with the lists, or remove it)",
    ),
    (
        "retry_on = [\"time_out\"]\n",
        "dag.toml:6:12: tasks.a.retry_on: no attempt fails with the code \"time_out\" (did you mean `timeout`?)",
    ),
    (
        "retry_on = []\n",
        "dag.toml:6:12: tasks.a.retry_on: this must name at least one code (remove it, or write `retries = 0` for a task that is never retried)",
    ),
    (
        "after = [\"b\"]\n",
        "dag.toml:6:10: tasks.a.after[0]: the DAG has no task \"b\"",
    ),
    (
        "after = [\"a\"]\n",
        "dag.toml:4:8: tasks.a: the task waits for itself",
    ),
    (
        "inputs = { x = \"extrct\" }\n[tasks.extract]\nprogram = \"b.wasm\"\n",
        "dag.toml:6:16: tasks.a.inputs.x: the DAG has no task \"extrct\" (did you mean `extract`?)",
    ),
    (
        "inputs = { x = \"url\" }\n",
        "dag.toml:6:16: tasks.a.inputs.x: the DAG has no task \"url\" (there is a parameter of that name: write { param = \"url\" })",
    ),
    (
        "inputs = { x = { param = \"ulr\" } }\n",
        "dag.toml:6:26: tasks.a.inputs.x.param: the DAG has no parameter \"ulr\" (did you mean `url`?)",
    ),
    (
        "inputs = { x = 5 }\n",
        "dag.toml:6:16: tasks.a.inputs.x: this must be a task's id, or a table with `task`, `param` or `value`, not an integer (write a constant as { value = ... })",
    ),
    (
        "inputs = { x = { param = \"url\", task = \"b\" } }\n",
        "dag.toml:6:12: tasks.a.inputs.x: an input has one source, and this has task and param",
    ),
    (
        "inputs = { x = { param = \"url\", pointer = \"a\" } }\n",
        "dag.toml:6:43: tasks.a.inputs.x.pointer: \"a\" is no JSON pointer",
    ),
    (
        "inputs = { x = { param = \"url\", each = \"/a\" } }\n",
        "dag.toml:6:33: tasks.a.inputs.x.each: there is no field \"each\"",
    ),
    (
        "expand = { x = { param = \"url\", each = \"a\" } }\n",
        "dag.toml:6:40: tasks.a.expand.x.each: \"a\" is no JSON pointer",
    ),
    (
        "expand = { x = { value = 5 } }\n",
        "dag.toml:6:12: tasks.a.expand.x: a task is mapped over a list, and this is none",
    ),
    (
        "inputs = { x = { param = \"url\" } }\nexpand = { x = { value = [1] } }\n",
        "dag.toml:7:12: tasks.a.expand.x: the parameter \"x\" is bound in `inputs` already",
    ),
    (
        "max_active = 3\n",
        "dag.toml:6:14: tasks.a.max_active: only a mapped task has several instances",
    ),
    (
        "branch = true\nexpand = { x = { value = [1] } }\n",
        "dag.toml:6:10: tasks.a.branch: a mapped task can't choose, since its instances could choose differently (remove one of the two;",
    ),
    (
        "component = \"c.wasm\"\n",
        "dag.toml:6:13: tasks.a.component: a task has either `program` or `component`",
    ),
    (
        "[tasks.b]\ncomponent = \"c.wasm\"\nargs = []\n",
        "dag.toml:8:8: tasks.b.args: `args` is for a `program` only",
    ),
    (
        "args = [\"{{ params.ulr }}\"]\n",
        "dag.toml:6:9: tasks.a.args[0]: the DAG has no parameter \"ulr\" (did you mean `url`?)",
    ),
    (
        "args = [\"{{ inputs.x }}\"]\n",
        "dag.toml:6:9: tasks.a.args[0]: the task has no input \"x\"",
    ),
    (
        "args = [\"{{ url\"]\n",
        "dag.toml:6:9: tasks.a.args[0]: the braces {{ are not closed",
    ),
    (
        "skip_on_exit = [256]\n",
        "dag.toml:6:17: tasks.a.skip_on_exit[0]: this must be an exit code from 1 to 255, not the number 256",
    ),
    (
        "grants = { http = [\"ftp://x.org\"] }\n",
        "dag.toml:6:20: tasks.a.grants.http[0]: \"ftp://x.org\" is no HTTP grant: the scheme is \"ftp\"; only `https://` (the default) and `http://` can be granted",
    ),
    (
        "output = \"jsn\"\n",
        "dag.toml:6:10: tasks.a.output: there is no output \"jsn\" (did you mean `json`?)",
    ),
    (
        "types = { output = 5 }\n",
        "dag.toml:6:20: tasks.a.types.output: this must be a JSON Schema (a table, true or false), not the number 5",
    ),
    (
        "[tasks.\"b/c\"]\nprogram = \"b.wasm\"\n",
        "dag.toml:6:8: tasks.\"b/c\": an id is made of letters",
    ),
    (
        "retries = 1\nretries = 2\n",
        "dag.toml:7:1: this is no TOML: duplicate key (remove one of the two)",
    ),
    ("retries = \n", "dag.toml:6:11: this is no TOML:"),
    (
        "retry_jitter = nan\n",
        "dag.toml:6:16: tasks.a.retry_jitter: nan has no counterpart in JSON",
    ),
];

#[test]
fn each_mistake_in_a_task_has_its_message() {
    for (text, message) in REFUSED {
        let refused = toml(&after_head(text)).expect_err(text);
        assert!(
            refused.starts_with(message),
            "of {text}\n  said {refused}\nwanted {message}"
        );
        assert_eq!(
            refused.lines().count(),
            1,
            "of {text}\n said more: {refused}"
        );
    }
}

/// (the fields of the DAG, the beginning of the message)
const REFUSED_DAGS: &[(&str, &str)] = &[
    ("id = \"\"", "dag.toml:2:6: dag.id: an id can't be empty"),
    (
        "description = \"no id\"",
        "dag.toml:1:2: dag: the DAG has no `id` (add id = \"my_dag\")",
    ),
    (
        "id = \"d\"\nschedule = \"0 25 * * *\"",
        "dag.toml:3:12: dag.schedule: \"0 25 * * *\" is no schedule: ",
    ),
    (
        "id = \"d\"\nschedule = \"0 0 31 2,4 *\"",
        "dag.toml:3:12: dag.schedule: \"0 0 31 2,4 *\" names a date that no year has (correct the day",
    ),
    (
        "id = \"d\"\nschedule = \"@dayly\"",
        "dag.toml:3:12: dag.schedule: there is no preset \"@dayly\" (did you mean `@daily`?)",
    ),
    (
        "id = \"d\"\nschedule = \"every 1ms\"",
        "dag.toml:3:12: dag.schedule: runs every 1ms are too many; at least 1s must lie between them",
    ),
    (
        "id = \"d\"\ntimezone = \"Europe/Berln\"",
        "dag.toml:3:12: dag.timezone: there is no time zone \"Europe/Berln\" (did you mean `Europe/Berlin`?)",
    ),
    (
        "id = \"d\"\nstart = \"tomorrow\"",
        "dag.toml:3:9: dag.start: \"tomorrow\" is no date",
    ),
    (
        "id = \"d\"\nstart = 2026-02-01\nend = 2026-01-01",
        "dag.toml:4:7: dag.end: the end lies before the start",
    ),
    (
        "id = \"d\"\nmax_active_runs = 0",
        "dag.toml:3:19: dag.max_active_runs: this must be between 1 and 4294967295, not 0",
    ),
    (
        "id = \"d\"\nmax_active_runs_per_key = 2",
        "dag.toml:3:27: dag.max_active_runs_per_key: the runs of this DAG have no key (add `concurrency_key`, such as \"{{ params.customer }}\", or bound the whole DAG with `max_active_runs`)",
    ),
    (
        "id = \"d\"\nconcurrency_key = \"{{ params.ulr }}\"\nparams = { url = \"x\" }",
        "dag.toml:3:19: dag.concurrency_key: the DAG has no parameter \"ulr\" (did you mean `url`?)",
    ),
    (
        "id = \"d\"\nconcurrency_key = \"{{ inputs.x }}\"",
        "dag.toml:3:19: dag.concurrency_key: there is no \"inputs.x\" (write {{ params.NAME }})",
    ),
    (
        "id = \"d\"\nrate_limit = { runs = 1 }",
        "dag.toml:3:1: dag.rate_limit: \"per\" is missing (write a table with `runs` and `per`, such as { runs = 100, per = \"1m\" })",
    ),
    (
        "id = \"d\"\nrate_limit = { runs = 1, per = \"32d\" }",
        "dag.toml:3:32: dag.rate_limit.per: a rate is counted over at most 31d",
    ),
    (
        "id = \"d\"\ntags = [\"a\", \"a\"]",
        "dag.toml:3:14: dag.tags[1]: \"a\" occurs twice",
    ),
    (
        "id = \"d\"\nparams = { n = { schema = { type = \"integer\" }, default = \"x\" } }",
        "dag.toml:3:59: dag.params.n.default: the default doesn't fit its schema: \"x\" is not of type \"integer\"",
    ),
    (
        "id = \"d\"\nparams = { n = { schema = { type = \"integr\" } } }",
        "dag.toml:3:18: dag.params.n.schema: this is no JSON Schema: ",
    ),
    (
        "id = \"d\"\nparams = { n = { type = \"integer\" } }",
        "dag.toml:3:18: dag.params.n.type: there is no field \"type\" (",
    ),
    (
        "id = \"d\"\ntimeout = \"0s\"",
        "dag.toml:3:11: dag.timeout: a span of zero",
    ),
];

#[test]
fn each_mistake_in_a_dag_has_its_message() {
    for (text, message) in REFUSED_DAGS {
        let text = format!("[dag]\n{text}\n[tasks.a]\nprogram = \"a.wasm\"\n");
        let refused = toml(&text).expect_err(&text);
        assert!(
            refused.starts_with(message),
            "of {text}\n  said {refused}\nwanted {message}"
        );
        assert_eq!(
            refused.lines().count(),
            1,
            "of {text}\n said more: {refused}"
        );
    }
}

/// (a JSON document, the beginning of the message)
const REFUSED_JSON: &[(&str, &str)] = &[
    (
        "",
        "describe:1:1: this is no JSON: EOF while parsing a value",
    ),
    (
        "{\"contract\":\n  \"weft.dag/1\",\n  \"dags\": [}",
        "describe:3:12: this is no JSON: expected value",
    ),
    (
        "[]",
        "describe: this must be a table with `dags`, or with `dag` and `tasks`, not a list",
    ),
    ("{}", "describe: there is no `dag` and there are no `dags`"),
    (
        r#"{"contract":"weft.dag/9","new_thing":1}"#,
        "describe:1:13: contract: weft.dag/9 needs a newer Weft; this one reads weft.dag/1 (",
    ),
    (
        r#"{"contract":"other/1","dags":[]}"#,
        "describe:1:13: contract: \"other/1\" is no contract of Weft",
    ),
    (
        r#"{"dags":[{"id":"d","tasks":{"a":{}}}]}"#,
        "describe: `contract` is missing (add \"contract\": \"weft.dag/1\")",
    ),
    (
        r#"{"contract":"weft.dag/1","dags":[]}"#,
        "describe:1:26: dags: a document has at least one DAG",
    ),
    (
        r#"{"contract":"weft.dag/1","dags":[{"id":"d","tasks":{}}]}"#,
        "describe:1:34: dags[0]: a DAG has at least one task",
    ),
    (
        r#"{"contract":"weft.dag/1","dags":[{"id":"d","tasks":{"a":{}}}, {"id":"d","tasks":{"a":{}}}]}"#,
        "describe:1:69: dags[1].id: the DAG d is the one of `dags[0]` already",
    ),
    (
        "{\"contract\":\"weft.dag/1\",\"dags\":[{\"id\":\"d\",\"tasks\":{\n\"a\":{},\n\"a\":{}}}]}",
        "describe:3:1: dags[0].tasks.a: the key \"a\" occurs twice (remove one of the two)",
    ),
    (
        "{\"contract\":\"weft.dag/1\",\"dags\":[{\"id\":\"d\",\"tasks\":{\n\"a\":{\"retries\":true}}}]}",
        "describe:2:16: dags[0].tasks.a.retries: this must be a whole number, not true",
    ),
    (
        r#"{"contract":"weft.dag/1","dags":[{"id":"d","tasks":{"a":{"zygomorphic":1}}}]}"#,
        "describe:1:58: dags[0].tasks.a.zygomorphic: there is no field \"zygomorphic\" (it needs a newer Weft than this one (",
    ),
    (
        r#"{"contract":"weft.dag/1","dag":{},"dags":[]}"#,
        "describe:1:32: dag: a document has either `dags` or one `dag`, not both",
    ),
];

#[test]
fn each_mistake_in_json_has_its_message() {
    for (text, message) in REFUSED_JSON {
        let refused = json(text).expect_err(text);
        assert!(
            refused.starts_with(message),
            "of {text}\n  said {refused}\nwanted {message}"
        );
        assert_eq!(
            refused.lines().count(),
            1,
            "of {text}\n said more: {refused}"
        );
    }
}

#[test]
fn all_problems_are_reported_in_the_order_of_the_text_up_to_a_bound() {
    let refused = toml(&after_head("retires = 3\ntimeout = 0\nafter = [\"x\"]\n"))
        .expect_err("three mistakes");
    let lines: Vec<&str> = refused
        .lines()
        .map(|line| line.split(':').nth(1).expect("a line"))
        .collect();
    assert_eq!(lines, ["6", "7", "8"]);
    let many = (0..80).fold(String::new(), |many, n| {
        many + &format!("\"t{n}\":{{\"bad\":1}},")
    });
    let text = format!(
        "{{\"contract\":\"weft.dag/1\",\"dags\":[{{\"id\":\"d\",\"tasks\":{{{many}\"z\":{{}}}}}}]}}"
    );
    let error = parse(Source {
        name: "d",
        text: &text,
        format: Format::Json,
    })
    .expect_err("eighty mistakes");
    assert_eq!((error.problems.len(), error.more), (50, 30));
    assert!(
        error
            .problems
            .iter()
            .all(|problem| problem.code == ProblemCode::UnknownField && problem.position.is_some())
    );
}

#[test]
fn cycles_are_named_in_full_and_once_each() {
    let refused = toml(
        "[dag]\nid=\"d\"\n[tasks.a]\nprogram=\"p\"\nafter=[\"c\"]\n[tasks.b]\nprogram=\"p\"\nafter=[\"a\"]\n[tasks.c]\nprogram=\"p\"\nafter=[\"b\"]\n\
         [tasks.x]\nprogram=\"p\"\nafter=[\"y\",\"a\"]\n[tasks.y]\nprogram=\"p\"\nafter=[\"x\"]\n[tasks.end]\nprogram=\"p\"\nafter=[\"y\"]\n",
    )
    .expect_err("two cycles");
    assert_eq!(
        refused,
        "dag.toml:3:8: tasks.a: these tasks wait for each other: a -> b -> c -> a (remove one of these edges)\n\
         dag.toml:12:8: tasks.x: these tasks wait for each other: x -> y -> x (remove one of these edges)"
    );
}

#[test]
fn too_many_tasks_or_levels_are_refused_without_being_built() {
    let tasks = (0..250_001).fold(String::new(), |tasks, n| tasks + &format!("\"t{n}\":{{}},"));
    let text = format!(
        "{{\"contract\":\"weft.dag/1\",\"dags\":[{{\"id\":\"d\",\"tasks\":{{{tasks}\"z\":{{}}}}}}]}}"
    );
    let refused = json(&text).expect_err("too many");
    assert!(
        refused.contains("the document has more than 250000 tasks (split it"),
        "{refused}"
    );
    let deep = format!("{{\"dag\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    let refused = json(&deep).expect_err("too deep");
    assert!(
        refused.contains("more than 64 levels of nesting"),
        "{refused}"
    );
    let long = " ".repeat((32 << 20) + 1);
    let refused = json(&long).expect_err("too long");
    assert!(
        refused.contains("at most 33554432 are allowed"),
        "{refused}"
    );
}

#[test]
fn a_run_gets_its_parameters_checked_and_filled_in() {
    let document = toml(
        "[dag]\nid=\"d\"\n[dag.params]\nname=\"x\"\nn={schema={type=\"integer\",minimum=1},default=3}\nmust={schema={type=\"string\"}}\n[tasks.a]\nprogram=\"p\"\n",
    )
    .expect("good");
    let dag = &document.dags[0];
    let resolve =
        |given: serde_json::Value| dag.resolve_params(given.as_object().expect("an object"));
    let good = resolve(serde_json::json!({ "must": "y", "n": 5 })).expect("good");
    assert_eq!(
        serde_json::Value::Object(good),
        serde_json::json!({ "name": "x", "n": 5, "must": "y" })
    );
    let refused =
        resolve(serde_json::json!({ "name": 5, "n": 0, "nmae": 1 })).expect_err("four mistakes");
    let messages: Vec<String> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            "params.nmae: the DAG d has no parameter \"nmae\" (did you mean `name`?)",
            "params.name: the value of \"name\" doesn't fit: it is a number, and the default is a text",
            "params.n: the value of \"n\" doesn't fit: 0 is less than the minimum of 1",
            "params.must: the parameter \"must\" must be given: it has no default (--param must=...)",
        ]
    );
}

#[test]
fn a_schema_that_explodes_is_refused_quickly() {
    // Each definition means the next one twice: 2^40 ways lead to the last.
    let defs = (0..40).fold(String::new(), |defs, n| {
        let next = format!("{{\"$ref\":\"#/$defs/d{}\"}}", n + 1);
        defs + &format!("\"d{n}\":{{\"anyOf\":[{next},{next}]}},")
    });
    let text = format!(
        "{{\"contract\":\"weft.dag/1\",\"dags\":[{{\"id\":\"d\",\"params\":{{\"p\":{{\"default\":1,\"schema\":{{\"$ref\":\"#/$defs/d0\",\"$defs\":{{{defs}\"d40\":{{\"type\":\"string\"}}}}}}}}}},\"tasks\":{{\"a\":{{}}}}}}]}}"
    );
    let refused = json(&text).expect_err("an explosion");
    assert!(
        refused.contains("this is no JSON Schema: it takes too many steps to check"),
        "{refused}"
    );
}

#[test]
fn a_condition_on_assets_is_bounded() {
    let with = |condition: &str| {
        toml(&format!(
            "[dag]\nid = \"d\"\non_assets = {condition}\n[tasks.a]\nprogram = \"a.wasm\"\n"
        ))
    };
    let nested = |lists: usize| format!("{}\"a\"{}", "[".repeat(lists), "]".repeat(lists));
    with(&nested(7)).expect("a name in seven lists is eight deep");
    let error = with(&nested(8)).expect_err("it is too deep");
    assert!(error.contains("nested at most 8 deep"), "{error}");
    let names = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("\"a{at}\"")).collect();
        format!("[{}]", names.join(", "))
    };
    with(&names(64)).expect("a condition names 64 assets");
    let error = with(&names(65)).expect_err("they are too many");
    assert!(error.contains("at most 64 assets"), "{error}");
}
