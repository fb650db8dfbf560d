//! The documents that cross the boundary while an attempt runs: what guests
//! read and may return, compared with the published schemas.

use serde_json::{Map, Value, json};
use weft_core::{
    approval::ApprovalRequest,
    asset::AssetUpdate,
    contract::{
        ArtifactRef, AttemptDocument, Control, DataInterval, FailureDetails, MAX_DETAILS_BYTES,
        Wake, artifact_refs, artifact_refs_in,
    },
    run_id::RunId,
    time::{DurationMs, Timestamp},
    wait::{Call, Wait, Woken},
};

fn validator(text: &str, part: &str) -> jsonschema::Validator {
    let mut schema: Value = serde_json::from_str(text).expect("the published schema is JSON");
    if !part.is_empty() {
        schema = schema
            .pointer(part)
            .expect("the schema has this part")
            .clone();
    }
    jsonschema::validator_for(&schema).expect("the published schema is one")
}

fn asset(update: &str) -> AssetUpdate {
    AssetUpdate::check(serde_json::from_str(update).expect("fields")).expect("an update")
}

#[test]
fn an_attempt_is_described_as_published() {
    let document = AttemptDocument {
        tenant: "default".into(),
        dag: "quakes".parse().expect("an id"),
        run: "r1".into(),
        task: "extract".parse().expect("an id"),
        map_index: None,
        number: 1,
        logical_date: Timestamp(1_763_704_800_000),
        data_interval: DataInterval {
            start: Timestamp(0),
            end: Timestamp(1_500),
        },
        params: Map::from_iter([("url".to_owned(), json!("x"))]),
        deadline: Some(Timestamp(86_400_000)),
        idempotency_key: "k".into(),
        woken: Some(Woken::Timeout.to_value()),
    };
    let value: Value = serde_json::from_str(&document.to_json()).expect("JSON");
    assert_eq!(
        value,
        json!({
            "tenant": "default", "dag": "quakes", "run": "r1", "task": "extract", "map_index": null, "number": 1,
            "logical_date": "2025-11-21T06:00:00Z", "data_interval": { "start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:00:01.5Z" },
            "params": { "url": "x" }, "deadline": "1970-01-02T00:00:00Z", "idempotency_key": "k",
            "woken": { "timeout": true },
        })
    );
    let schema = include_str!("../../../wit/attempt.schema.json");
    assert!(validator(schema, "").is_valid(&value));
    let published: Value = serde_json::from_str(schema).expect("JSON");
    let keys = |value: &Value| {
        value
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let mut named = keys(&published["properties"]);
    let mut written = keys(&value);
    named.sort();
    written.sort();
    assert_eq!(named, written);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn control_documents_are_read_or_refused_as_published() {
    let task = |name: &str| name.parse().expect("an id");
    let paid = || Wait::Event("paid".parse().expect("a name"));
    let read: [(Value, Control); 19] = [
        (json!({ "kind": "skip" }), Control::Skip { reason: None }),
        (
            json!({ "kind": "skip", "reason": "no data" }),
            Control::Skip {
                reason: Some("no data".into()),
            },
        ),
        (
            json!({ "kind": "branch", "tasks": ["a", "b"], "output": [1] }),
            Control::Branch {
                tasks: vec![task("a"), task("b")],
                output: "[1]".into(),
            },
        ),
        (
            json!({
                "kind": "update",
                "assets": [{ "asset": "orders", "partition": "1", "metadata": {} }, { "asset": "orders" }],
                "output": 3,
            }),
            Control::Update {
                assets: vec![
                    asset(r#"{"asset":"orders","partition":"1","metadata":{}}"#),
                    asset(r#"{"asset":"orders"}"#),
                ],
                output: "3".into(),
            },
        ),
        (
            json!({ "kind": "branch", "tasks": [] }),
            Control::Branch {
                tasks: vec![],
                output: "null".into(),
            },
        ),
        (
            json!({ "kind": "defer", "after_ms": 5, "state": { "n": 1 } }),
            Control::Defer {
                wake: Wake::After(DurationMs(5)),
                state: r#"{"n":1}"#.into(),
            },
        ),
        (
            json!({ "kind": "defer", "until": "1970-01-01T00:00:01Z" }),
            Control::Defer {
                wake: Wake::At(Timestamp(1_000)),
                state: "null".into(),
            },
        ),
        (
            json!({ "kind": "defer", "until": null, "after_ms": 0 }),
            Control::Defer {
                wake: Wake::After(DurationMs(0)),
                state: "null".into(),
            },
        ),
        (
            json!({ "kind": "defer", "event": "paid", "timeout_ms": 5, "state": 1 }),
            Control::Defer {
                wake: Wake::On {
                    wait: paid(),
                    timeout: Some(DurationMs(5)),
                },
                state: "1".into(),
            },
        ),
        (
            json!({ "kind": "defer", "event": "paid", "until": null, "timeout_ms": null }),
            Control::Defer {
                wake: Wake::On {
                    wait: paid(),
                    timeout: None,
                },
                state: "null".into(),
            },
        ),
        (
            json!({ "kind": "defer", "run": "0000000000007", "timeout_ms": 5 }),
            Control::Defer {
                wake: Wake::On {
                    wait: Wait::Run(RunId::from_i64(7).expect("an id")),
                    timeout: Some(DurationMs(5)),
                },
                state: "null".into(),
            },
        ),
        (
            json!({ "kind": "defer", "dag": "daily", "logical_date": "1970-01-01T00:00:01Z" }),
            Control::Defer {
                wake: Wake::On {
                    wait: Wait::Dag {
                        dag: "daily".parse().expect("an id"),
                        logical_date: Timestamp(1_000),
                    },
                    timeout: None,
                },
                state: "null".into(),
            },
        ),
        (
            json!({ "kind": "defer", "run": "0000000000007", "task": "load" }),
            Control::Defer {
                wake: Wake::On {
                    wait: Wait::RunTask {
                        run: RunId::from_i64(7).expect("an id"),
                        task: task("load"),
                    },
                    timeout: None,
                },
                state: "null".into(),
            },
        ),
        (
            json!({ "kind": "defer", "dag": "daily", "logical_date": "1970-01-01T00:00:01Z", "task": "load" }),
            Control::Defer {
                wake: Wake::On {
                    wait: Wait::DagTask {
                        dag: "daily".parse().expect("an id"),
                        logical_date: Timestamp(1_000),
                        task: task("load"),
                    },
                    timeout: None,
                },
                state: "null".into(),
            },
        ),
        (
            json!({ "kind": "defer", "asset": "s3://lake/orders", "timeout_ms": 5 }),
            Control::Defer {
                wake: Wake::Updated {
                    asset: "s3://lake/orders".parse().expect("a name"),
                    partition: None,
                    since: None,
                    timeout: Some(DurationMs(5)),
                },
                state: "null".into(),
            },
        ),
        (
            json!({ "kind": "defer", "asset": "orders", "partition": "north", "since": "1970-01-01T00:00:01Z" }),
            Control::Defer {
                wake: Wake::Updated {
                    asset: "orders".parse().expect("a name"),
                    partition: Some("north".into()),
                    since: Some(Timestamp(1_000)),
                    timeout: None,
                },
                state: "null".into(),
            },
        ),
        (
            json!({ "kind": "defer", "call": { "dag": "daily", "params": { "rows": 7 } }, "timeout_ms": 5 }),
            Control::Defer {
                wake: Wake::Called {
                    call: Call {
                        dag: "daily".parse().expect("an id"),
                        params: r#"{"rows":7}"#.into(),
                        logical_date: None,
                        is_detached: false,
                    },
                    timeout: Some(DurationMs(5)),
                },
                state: "null".into(),
            },
        ),
        (
            json!({ "kind": "defer", "call": { "dag": "daily", "logical_date": "1970-01-01T00:00:01Z", "wait": false } }),
            Control::Defer {
                wake: Wake::Called {
                    call: Call {
                        dag: "daily".parse().expect("an id"),
                        params: "{}".into(),
                        logical_date: Some(Timestamp(1_000)),
                        is_detached: true,
                    },
                    timeout: None,
                },
                state: "null".into(),
            },
        ),
        (
            json!({ "kind": "defer", "approval": { "subject": "Ship it?", "default": "reject" }, "timeout_ms": 5 }),
            Control::Defer {
                wake: Wake::Asked {
                    request: ApprovalRequest {
                        subject: "Ship it?".into(),
                        body: None,
                        options: ["approve", "reject"]
                            .map(|name| name.parse().expect("a name"))
                            .into(),
                        default: Some("reject".parse().expect("a name")),
                        form: None,
                        approvers: Vec::new(),
                    },
                    timeout: Some(DurationMs(5)),
                },
                state: "null".into(),
            },
        ),
    ];
    let schema = validator(include_str!("../../../wit/control.schema.json"), "");
    for (document, control) in read {
        assert_eq!(
            Control::parse(&document.to_string()).expect("good"),
            control,
            "{document}"
        );
        assert!(schema.is_valid(&document), "{document}");
    }
    let refused: [(Value, &str); 35] = [
        (
            json!({}),
            "the document doesn't fit the contract: missing field `kind`",
        ),
        (
            json!({ "kind": "jump" }),
            "the document doesn't fit the contract: unknown variant `jump`",
        ),
        (
            json!({ "kind": "skip", "reasn": "x" }),
            "the document doesn't fit the contract: unknown field `reasn`",
        ),
        (
            json!({ "kind": "skip", "reason": 5 }),
            "the document doesn't fit the contract: invalid type",
        ),
        (
            json!({ "kind": "branch" }),
            "the document doesn't fit the contract: missing field `tasks`",
        ),
        (
            json!({ "kind": "branch", "tasks": ["a/b"] }),
            "\"a/b\" can't be a task: an id is made of letters",
        ),
        (
            json!({ "kind": "branch", "tasks": ["a", "a"] }),
            "the branch names task a twice",
        ),
        (
            json!({ "kind": "update", "assets": [{ "asset": "two words" }] }),
            "`assets`: the name of an asset is made of letters",
        ),
        (
            json!({ "kind": "update", "assets": [{ "asset": "a", "metadata": [1] }] }),
            "`assets`: `metadata` of a is a JSON object",
        ),
        (
            json!({ "kind": "update", "assets": [{ "asset": "a", "partition": "" }] }),
            "`assets`: `partition` of a has 1 to 250 bytes",
        ),
        (
            json!({ "kind": "update", "assets": vec![json!({ "asset": "a" }); 257] }),
            "`assets`: the asset a is reported twice",
        ),
        (
            json!({ "kind": "update", "assets": (0..257).map(|at| json!({ "asset": format!("a{at}") })).collect::<Vec<_>>() }),
            "`assets`: an attempt reports at most 256 updates",
        ),
        (json!({ "kind": "defer" }), "a deferral has exactly one of"),
        (
            json!({ "kind": "defer", "until": "1970-01-01T00:00:01Z", "after_ms": 1 }),
            "a deferral has exactly one of",
        ),
        (
            json!({ "kind": "defer", "event": "paid", "after_ms": 1 }),
            "a deferral has exactly one of",
        ),
        (
            json!({ "kind": "defer", "after_ms": 1, "timeout_ms": 1 }),
            "`timeout_ms` goes with `event`",
        ),
        (
            json!({ "kind": "defer", "event": "a/b" }),
            "`event`: an id is made of letters",
        ),
        (
            json!({ "kind": "defer", "run": "latest" }),
            "`run`: \"latest\" is no run id",
        ),
        (
            json!({ "kind": "defer", "run": "0000000000007", "event": "paid" }),
            "a deferral has exactly one of",
        ),
        (
            json!({ "kind": "defer", "dag": "daily" }),
            "`dag` and `logical_date` go together",
        ),
        (
            json!({ "kind": "defer", "event": "paid", "logical_date": "1970-01-01T00:00:01Z" }),
            "`dag` and `logical_date` go together",
        ),
        (
            json!({ "kind": "defer", "event": "paid", "task": "load" }),
            "`task` goes with `run`, or with `dag` and `logical_date`",
        ),
        (
            json!({ "kind": "defer", "run": "0000000000007", "task": "a/b" }),
            "`task`: an id is made of letters",
        ),
        (
            json!({ "kind": "defer", "asset": "orders", "task": "load" }),
            "`task` goes with `run`, or with `dag` and `logical_date`",
        ),
        (
            json!({ "kind": "defer", "asset": "a b" }),
            "`asset`: the name of an asset is made of letters",
        ),
        (
            json!({ "kind": "defer", "asset": "orders", "partition": "" }),
            "`partition` has 1 to 250 bytes in one line",
        ),
        (
            json!({ "kind": "defer", "event": "paid", "since": "1970-01-01T00:00:01Z" }),
            "`partition` and `since` go with `asset`",
        ),
        (
            json!({ "kind": "defer", "asset": "orders", "event": "paid" }),
            "a deferral has exactly one of",
        ),
        (
            json!({ "kind": "defer", "call": { "dag": "daily", "params": [] } }),
            "`call.params` is a JSON object",
        ),
        (
            json!({ "kind": "defer", "call": { "dag": "a/b" } }),
            "`dag`: an id is made of letters",
        ),
        (
            json!({ "kind": "defer", "approval": { "subject": "" } }),
            "`approval`: `subject` has 1 to 250 bytes",
        ),
        (
            json!({ "kind": "defer", "approval": { "subject": "Ship it?", "options": ["a b"] } }),
            "`approval`: `options`: an id is made of letters",
        ),
        (
            json!({ "kind": "defer", "approval": { "subject": "Ship it?" }, "event": "paid" }),
            "a deferral has exactly one of",
        ),
        (
            json!({ "kind": "defer", "after_ms": -1 }),
            "the document doesn't fit the contract: invalid value",
        ),
        (json!([]), "the document doesn't fit the contract: "),
    ];
    for (document, message) in refused {
        let error = Control::parse(&document.to_string())
            .expect_err("bad")
            .to_string();
        assert!(error.starts_with(message), "{document}: {error}");
        assert!(!schema.is_valid(&document), "{document}");
    }
    let error = Control::parse(r#"{"kind":"defer","until":"tomorrow"}"#)
        .expect_err("no date")
        .to_string();
    assert!(
        error.starts_with("`until`: \"tomorrow\" is no point in time"),
        "{error}"
    );
}

#[test]
fn failure_details_are_strict_and_bounded() {
    let details = FailureDetails::parse(r#"{"retry_after_ms": 1500, "details": {"status": 429}}"#)
        .expect("good");
    assert_eq!(
        details,
        FailureDetails {
            retry_after: Some(DurationMs(1_500)),
            details: Some(json!({ "status": 429 }))
        }
    );
    assert_eq!(
        FailureDetails::parse("{}").expect("good"),
        FailureDetails::default()
    );
    for (text, message) in [
        (
            r#"{"retry-after-ms": 1}"#.to_owned(),
            "unknown field `retry-after-ms`",
        ),
        (r#"{"retry_after_ms": -1}"#.to_owned(), "invalid value"),
        ("{".to_owned(), "EOF"),
        (
            format!("\"{}\"", "x".repeat(MAX_DETAILS_BYTES)),
            "the document has 262146 bytes; at most 262144 are allowed",
        ),
    ] {
        let error = FailureDetails::parse(&text).expect_err("bad").to_string();
        assert!(error.contains(message), "{error}");
    }
    let schema = validator(
        include_str!("../../../wit/control.schema.json"),
        "/$defs/failure_more",
    );
    assert!(
        schema.is_valid(&json!({ "retry_after_ms": 1, "details": 1 }))
            && !schema.is_valid(&json!({ "retry-after-ms": 1 }))
    );
}

#[test]
fn references_to_artifacts_are_found_once_each_wherever_they_stand() {
    let value = json!({
        "a": [{ "$artifact": "one" }, { "$artifact": "two" }, { "deep": { "x": { "$artifact": "one" } } }],
        "not": [{ "$artifact": 5 }, { "$artifact": "no", "more": 1 }, "$artifact"],
    });
    assert_eq!(
        artifact_refs(&value),
        [ArtifactRef::new("one"), ArtifactRef::new("two")]
    );
    let in_text = artifact_refs_in(&value.to_string()).expect("it is JSON");
    assert_eq!(in_text, artifact_refs(&value));
    let escaped = artifact_refs_in(r#"{"\u0024artifact": "with \"quotes\""}"#);
    assert_eq!(
        escaped.expect("it is JSON"),
        [ArtifactRef::new("with \"quotes\"")]
    );
    assert!(artifact_refs_in(r#"{"$artifact": "one"}]"#).is_err());
    assert_eq!(
        ArtifactRef::new("one").to_value(),
        json!({ "$artifact": "one" })
    );
}
