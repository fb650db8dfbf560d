//! Holds `wit/dag.schema.json` to the parser: the same fields at every table,
//! and the same verdict on a corpus of documents whose form is right or wrong.
//!
//! The schema is kept by hand, so that its words are an author's; what only
//! the parser can know (references, cycles, dates) is not its matter.

use super::{Format, ProblemCode, Source, binding, params, parse, read_dag, read_task, tree::Node};
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
    let tables: [(&str, &[&str]); 8] = [
        ("/$defs/dag", read_dag::DAG_KEYS),
        ("/$defs/head", read_dag::DAG_HEAD_KEYS),
        ("/$defs/param/then", params::PARAM_KEYS),
        ("/$defs/binding/anyOf/1", binding::BINDING_KEYS),
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
    if field == "max_active" {
        task["expand"] = json!({ "x": "up" });
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
                json!({ "x": { "value": 1, "pointer": "/a" } }),
                json!({ "": "up" }),
                json!([]),
            ],
        ),
        (
            "expand",
            vec![json!({ "x": "up" }), json!({ "x": { "value": [1] } })],
            vec![json!({ "x": true })],
        ),
        ("after", vec![json!(["up"])], vec![json!("up"), json!([1])]),
        ("max_active", vec![json!(1)], vec![json!(0), json!(1.5)]),
        (
            "trigger_rule",
            vec![json!("one_done")],
            vec![json!("sometimes"), json!(1)],
        ),
        ("branch", vec![json!(true)], vec![json!("yes")]),
        (
            "retries",
            vec![json!(0), json!(1000)],
            vec![json!(-1), json!(1001), json!("3")],
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
                json!({ "http": ["example.org"], "variables": ["v"], "connections": ["c"] }),
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
