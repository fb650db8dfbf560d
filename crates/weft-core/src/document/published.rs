//! Holds `wit/dag.schema.json` to the parser: the same fields at every table,
//! and the same verdict on a corpus of documents whose form is right or wrong.
//!
//! The schema is kept by hand, so that its words are an author's; what only
//! the parser can know (references, cycles, dates) is not its matter.

use super::{
    Format, ProblemCode, Source, binding, concurrency, groups, params, parse, read_dag, read_task,
    tree::Node,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../../wit/dag.schema.json"))
        .expect("the published schema is JSON")
}

fn fields(schema: &Value, pointer: &str) -> BTreeSet<String> {
    let table = schema
        .pointer(pointer)
        .unwrap_or_else(|| panic!("the schema has {pointer}"));
    assert_eq!(
        table["additionalProperties"], false,
        "{pointer} refuses unknown fields, as the parser does"
    );
    table["properties"]
        .as_object()
        .expect("properties are an object")
        .keys()
        .cloned()
        .collect()
}

#[test]
fn schema_and_parser_know_the_same_fields() {
    let schema = schema();
    let tables: [(&str, &[&str]); 11] = [
        ("/$defs/dag", read_dag::DAG_KEYS),
        ("/$defs/head", read_dag::DAG_HEAD_KEYS),
        ("/$defs/param/then", params::PARAM_KEYS),
        ("/$defs/binding/anyOf/1", binding::BINDING_KEYS),
        ("/$defs/expansion/anyOf/1", binding::EXPANSION_KEYS),
        ("/$defs/groups/additionalProperties", groups::GROUP_KEYS),
        ("/$defs/rate_limit", concurrency::RATE_KEYS),
        ("/$defs/task", read_task::TASK_KEYS),
        ("/$defs/task/properties/grants", read_task::GRANT_KEYS),
        ("/$defs/task/properties/limits", read_task::LIMIT_KEYS),
        ("/$defs/task/properties/types", read_task::TYPE_KEYS),
    ];
    for (pointer, keys) in tables {
        assert_eq!(
            fields(&schema, pointer),
            keys.iter().map(ToString::to_string).collect(),
            "{pointer}"
        );
    }
    let root: BTreeSet<String> = fields(&schema, "/oneOf/0")
        .union(&fields(&schema, "/oneOf/1"))
        .cloned()
        .collect();
    assert_eq!(
        root,
        read_dag::ROOT_KEYS
            .iter()
            .map(ToString::to_string)
            .collect()
    );
    let rules: Vec<&str> = crate::trigger_rule::TriggerRule::ALL
        .iter()
        .map(|rule| rule.name())
        .collect();
    assert_eq!(
        schema["$defs"]["task"]["properties"]["trigger_rule"]["enum"],
        json!(rules)
    );
}

#[test]
fn requestable_limits_are_those_of_the_table() {
    let requestable: BTreeSet<&str> = crate::limit::TABLE
        .iter()
        .filter(|limit| limit.requestable)
        .map(|limit| limit.key)
        .collect();
    assert_eq!(
        read_task::LIMIT_KEYS
            .iter()
            .copied()
            .collect::<BTreeSet<_>>(),
        requestable
    );
}

/// A document whose only task, beside an upstream, has one field more.
fn with(field: &str, value: &Value) -> Value {
    let mut document = json!({ "contract": "weft.dag/1", "dags": [{ "id": "d", "params": { "p": 1 }, "tasks": { "up": {}, "t": {} } }] });
    let mut task = json!({});
    if matches!(
        field,
        "args" | "env" | "output" | "fail_on_exit" | "skip_on_exit"
    ) {
        task["program"] = json!("p.wasm");
    }
    if matches!(field, "max_active" | "zip") {
        task["expand"] = json!({ "x": "up" });
    }
    if field == "teardown_fails_run" {
        task["teardown_of"] = json!(["up"]);
    }
    if field == "on_missed_deadline" {
        task["deadline"] = json!("1h");
    }
    task[field] = value.clone();
    document["dags"][0]["tasks"]["t"] = task;
    document
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn schema_and_parser_judge_alike() {
    // (field of a task, values that both accept, values that both refuse)
    let cases: Vec<(&str, Vec<Value>, Vec<Value>)> = vec![
        ("description", vec![json!("x")], vec![json!(1)]),
        (
            "component",
            vec![json!("c.wasm")],
            vec![json!(""), json!([])],
        ),
        ("task", vec![json!("t")], vec![json!(1)]),
        ("program", vec![json!("p.wasm")], vec![json!({})]),
        (
            "args",
            vec![json!([]), json!(["a"])],
            vec![json!("a"), json!([1])],
        ),
        (
            "env",
            vec![json!({ "A": "b" })],
            vec![json!({ "A": 1 }), json!([])],
        ),
        (
            "output",
            vec![json!("json"), json!("text")],
            vec![json!("xml"), json!(1)],
        ),
        (
            "fail_on_exit",
            vec![json!([1, 255])],
            vec![json!([0]), json!([256]), json!(["1"]), json!(1)],
        ),
        (
            "skip_on_exit",
            vec![json!([99])],
            vec![json!([-1]), json!([1.5])],
        ),
        (
            "inputs",
            vec![
                json!({ "x": "up" }),
                json!({ "x": { "task": "up", "pointer": "/a/~0b" } }),
                json!({ "x": { "param": "p" } }),
                json!({ "x": { "value": null } }),
            ],
            vec![
                json!({ "x": 1 }),
                json!({ "x": {} }),
                json!({ "x": { "task": "up", "param": "p" } }),
                json!({ "x": { "task": "up", "pointer": "a" } }),
                json!({ "x": { "task": "up", "each": "/a" } }),
                json!({ "x": { "value": 1, "pointer": "/a" } }),
                json!({ "": "up" }),
                json!([]),
            ],
        ),
        (
            "expand",
            vec![
                json!({ "x": "up" }),
                json!({ "x": { "value": [1] } }),
                json!({ "x": { "task": "up", "each": "/id", "filter": "/active" } }),
                json!({ "x": { "value": [{ "id": 1 }], "each": "/id" } }),
            ],
            vec![
                json!({ "x": true }),
                json!({ "x": { "task": "up", "each": "id" } }),
                json!({ "x": { "task": "up", "filter": true } }),
            ],
        ),
        ("after", vec![json!(["up"])], vec![json!("up"), json!([1])]),
        ("zip", vec![json!(true), json!(false)], vec![json!(1)]),
        ("max_active", vec![json!(1)], vec![json!(0), json!(1.5)]),
        (
            "trigger_rule",
            vec![json!("one_done")],
            vec![json!("sometimes"), json!(1)],
        ),
        (
            "teardown_of",
            vec![json!([]), json!(["up"]), json!(["up", "up"])],
            vec![json!("up"), json!([1]), json!(true)],
        ),
        ("teardown_fails_run", vec![json!(true)], vec![json!("yes")]),
        ("depends_on_past", vec![json!(true)], vec![json!(1)]),
        ("wait_for_downstream", vec![json!(false)], vec![json!("no")]),
        ("latest_only", vec![json!(true)], vec![json!([])]),
        (
            "deadline",
            vec![json!("2h"), json!(90)],
            vec![json!(0), json!(true)],
        ),
        (
            "on_missed_deadline",
            vec![json!("notify"), json!("stop")],
            vec![json!("fail"), json!(true)],
        ),
        (
            "outlets",
            vec![json!([]), json!(["orders", "s3://lake/orders"])],
            vec![
                json!("orders"),
                json!(["two words"]),
                json!(["a", "a"]),
                json!([""]),
                json!((0..65).map(|at| format!("a{at}")).collect::<Vec<_>>()),
            ],
        ),
        ("branch", vec![json!(true)], vec![json!("yes")]),
        (
            "retries",
            vec![json!(0), json!(1000)],
            vec![json!(-1), json!(1001), json!("3")],
        ),
        (
            "retry_on",
            vec![json!(["timeout"]), json!(["author", "no_slot"])],
            vec![
                json!([]),
                json!("timeout"),
                json!(["lost"]),
                json!(["timeout", "timeout"]),
            ],
        ),
        (
            "retry_delay",
            vec![json!("30s"), json!(0), json!(1.5)],
            vec![json!(-1), json!(true), json!("")],
        ),
        (
            "retry_backoff",
            vec![json!(1), json!(2.5)],
            vec![json!(0.5), json!(101), json!("2")],
        ),
        ("retry_max_delay", vec![json!("1h")], vec![json!([])]),
        (
            "retry_jitter",
            vec![json!(0), json!(1)],
            vec![json!(1.1), json!(-0.1)],
        ),
        (
            "timeout",
            vec![json!("5m"), json!(1)],
            vec![json!(0), json!(false)],
        ),
        ("deterministic", vec![json!(false)], vec![json!(0)]),
        (
            "grants",
            vec![
                json!({}),
                json!({ "http": ["example.org"], "variables": ["v"], "connections": ["c"], "dags": ["d"] }),
            ],
            vec![
                json!({ "https": [] }),
                json!({ "http": "x" }),
                json!({ "http": [""] }),
                json!({ "variables": ["v", "v"] }),
                json!([]),
            ],
        ),
        (
            "limits",
            vec![json!({ "memory": "256MiB", "cpu": 30 })],
            vec![
                json!({ "memory": 0 }),
                json!({ "memory": -1 }),
                json!({ "cpu": 0 }),
                json!({ "timeout": 1 }),
            ],
        ),
        ("queue", vec![json!("q")], vec![json!("")]),
        ("pool", vec![json!("q")], vec![json!(1)]),
        ("pool_slots", vec![json!(1)], vec![json!(0)]),
        (
            "priority",
            vec![json!(-5)],
            vec![json!(1.5), json!(3_000_000_000_i64)],
        ),
        (
            "types",
            vec![json!({ "inputs": { "x": true }, "output": { "type": "string" } })],
            vec![json!({ "output": 1 }), json!({ "input": {} })],
        ),
        ("unknown", vec![], vec![json!(1)]),
    ];
    let validator = jsonschema::validator_for(&schema()).expect("the published schema is one");
    let known: BTreeSet<&str> = cases
        .iter()
        .map(|(field, ..)| *field)
        .filter(|field| *field != "unknown")
        .collect();
    assert_eq!(
        known,
        read_task::TASK_KEYS.iter().copied().collect(),
        "the corpus has every field of a task"
    );
    let judge_alike = |document: &Value, good: bool, what: &str| {
        let text = document.to_string();
        let parsed = parse(Source {
            name: "corpus",
            text: &text,
            format: Format::Json,
        });
        assert_eq!(parsed.is_ok(), good, "the parser on {what}: {parsed:?}");
        assert_eq!(validator.is_valid(document), good, "the schema on {what}");
    };
    for branch in [false, true] {
        let mut document = with("expand", &json!({ "x": "up" }));
        document["dags"][0]["tasks"]["t"]["branch"] = json!(branch);
        judge_alike(
            &document,
            !branch,
            &format!("a mapped task with branch = {branch}"),
        );
    }
    for (field, value, good) in [
        ("trigger_rule", json!("all_done"), false),
        ("branch", json!(true), false),
        ("branch", json!(false), true),
        ("depends_on_past", json!(true), false),
        ("wait_for_downstream", json!(true), false),
        ("latest_only", json!(true), false),
        ("latest_only", json!(false), true),
    ] {
        let mut document = with("teardown_of", &json!(["up"]));
        document["dags"][0]["tasks"]["t"][field] = value.clone();
        judge_alike(
            &document,
            good,
            &format!("a teardown with {field} = {value}"),
        );
    }
    judge_alike(
        &json!({ "contract": "weft.dag/1", "dags": [{ "id": "d", "tasks": { "t": { "teardown_fails_run": true } } }] }),
        false,
        "teardown_fails_run without a teardown",
    );
    judge_alike(
        &json!({ "contract": "weft.dag/1", "dags": [{ "id": "d", "tasks": { "t": { "zip": true } } }] }),
        false,
        "zip without lists",
    );
    judge_alike(
        &json!({ "contract": "weft.dag/1", "dags": [{ "id": "d", "tasks": { "t": { "on_missed_deadline": "stop" } } }] }),
        false,
        "on_missed_deadline without a deadline",
    );
    let grouped = |group: Value, inputs: Value| json!({ "contract": "weft.dag/1", "dags": [{ "id": "d", "groups": { "g": group }, "tasks": { "up": {}, "g.t": { "inputs": inputs, "max_active": 2 } } }] });
    for (group, inputs, good) in [
        (
            json!({ "expand": { "x": "up" } }),
            json!({ "a": { "element": "x" } }),
            true,
        ),
        (
            json!({ "expand": { "x": { "value": [1], "each": "/a" }, "y": "up" }, "zip": true }),
            json!({ "a": { "element": "y", "pointer": "/b" } }),
            true,
        ),
        (
            json!({ "expand": { "x": "up" }, "zip": 1 }),
            json!({}),
            false,
        ),
        (
            json!({ "expand": { "x": "up" } }),
            json!({ "a": { "element": "x", "task": "up" } }),
            false,
        ),
        (
            json!({ "expand": { "x": { "element": "x" } } }),
            json!({}),
            false,
        ),
    ] {
        judge_alike(
            &grouped(group.clone(), inputs.clone()),
            good,
            &format!("the group {group} with {inputs}"),
        );
    }
    for (fields, good) in [
        (json!({ "deadline": "2h" }), true),
        (
            json!({ "deadline": "2h", "on_missed_deadline": "stop" }),
            true,
        ),
        (json!({ "on_missed_deadline": "stop" }), false),
        (json!({ "deadline": 0 }), false),
        (json!({ "schedule": ["@daily", "2026-12-24"] }), true),
        (json!({ "schedule": [] }), false),
        (
            json!({ "schedule": "@daily", "holidays": ["12-25", "2026-12-24"] }),
            true,
        ),
        (
            json!({ "schedule": "@daily", "holidays": ["Christmas"] }),
            false,
        ),
        (json!({ "holidays": ["12-25"] }), false),
        (
            json!({ "priority": -3, "priority_rule": "inherited" }),
            true,
        ),
        (json!({ "priority_rule": "absolute" }), true),
        (json!({ "priority_rule": "summed" }), false),
        (json!({ "priority": "high" }), false),
        (json!({ "priority": 3_000_000_000_u32 }), false),
        (json!({ "groups": {} }), true),
        (json!({ "groups": { "up": { "expand": {} } } }), false),
        (json!({ "groups": { "up": {} } }), false),
        (
            json!({ "groups": { "up": { "expand": { "x": "t" }, "max_active": 1 } } }),
            false,
        ),
        (json!({ "owners": ["data", "Ann"] }), true),
        (json!({ "owners": ["data", "data"] }), false),
        (json!({ "owners": "data" }), false),
        (json!({ "concurrency_key": "{{ params.p }}" }), true),
        (
            json!({ "concurrency_key": "{{ params.p }}", "max_active_runs_per_key": 2 }),
            true,
        ),
        (json!({ "max_active_runs_per_key": 2 }), false),
        (
            json!({ "concurrency_key": "k", "max_active_runs_per_key": 0 }),
            false,
        ),
        (json!({ "concurrency_key": "" }), false),
        (json!({ "concurrency_key": "x".repeat(1_001) }), false),
        (json!({ "rate_limit": { "runs": 100, "per": "1m" } }), true),
        (json!({ "rate_limit": { "runs": 1, "per": 60 } }), true),
        (json!({ "rate_limit": { "runs": 0, "per": "1m" } }), false),
        (
            json!({ "rate_limit": { "runs": 100_001, "per": 1 } }),
            false,
        ),
        (json!({ "rate_limit": { "runs": 1, "per": 0 } }), false),
        (json!({ "rate_limit": { "runs": 1 } }), false),
        (json!({ "rate_limit": { "per": "1m" } }), false),
        (json!({ "rate_limit": 100 }), false),
    ] {
        let mut document = with("after", &json!([]));
        for (field, value) in fields.as_object().into_iter().flatten() {
            document["dags"][0][field] = value.clone();
        }
        judge_alike(&document, good, &format!("a DAG with {fields}"));
    }
    let codes = crate::failure_code::FailureCode::ALL.iter();
    let codes: Vec<_> = codes
        .filter(|code| code.is_of_attempt())
        .map(|code| code.as_str())
        .collect();
    assert_eq!(
        schema()["$defs"]["task"]["properties"]["retry_on"]["items"]["enum"],
        json!(codes)
    );
    let conditions = [
        (json!("orders"), true),
        (json!(["orders", "rates"]), true),
        (
            json!({ "any": ["orders", { "all": ["rates", "prices"] }] }),
            true,
        ),
        (
            json!(["orders", { "asset": "rates", "within": "1d" }]),
            true,
        ),
        (json!([]), false),
        (json!({ "any": [] }), false),
        (json!({ "all": ["orders"], "any": ["rates"] }), false),
        (json!({ "all": ["orders"], "within": "1d" }), false),
        (json!({ "asset": "orders", "within": 0 }), false),
        (json!({ "within": "1d" }), false),
        (json!("two words"), false),
        (json!(1), false),
    ];
    for (condition, good) in conditions {
        let mut document = with("branch", &json!(false));
        document["dags"][0]["on_assets"] = condition.clone();
        judge_alike(&document, good, &format!("on_assets = {condition}"));
    }
    for (field, accepted, refused) in &cases {
        for (value, good) in accepted
            .iter()
            .map(|value| (value, true))
            .chain(refused.iter().map(|value| (value, false)))
        {
            judge_alike(&with(field, value), good, &format!("{field} = {value}"));
        }
    }
}

#[test]
fn the_schema_is_written_for_what_the_tree_reads() {
    // Dates are TOML's; as JSON they are texts, which the schema says.
    assert_eq!(
        Node::Date("2026-01-01".into()).to_value(),
        json!("2026-01-01")
    );
    assert!(
        ProblemCode::ALL
            .iter()
            .map(|code| code.as_str())
            .collect::<BTreeSet<_>>()
            .len()
            == ProblemCode::ALL.len()
    );
}
