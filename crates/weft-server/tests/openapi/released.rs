//! Clients of released versions and the server of today.

use crate::compatible::differences;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The documents of all released versions; the present one's is written first, where that was asked for.
fn released() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    if std::env::var_os("WEFT_UPDATE_RELEASED").is_some() {
        let version = fixtures.join(concat!("version-", env!("CARGO_PKG_VERSION")));
        fs::create_dir_all(&version).unwrap();
        let text = weft_server::openapi::document_text();
        fs::write(version.join("openapi.json"), text).unwrap();
    }
    let versions = fs::read_dir(fixtures).unwrap();
    let mut found: Vec<PathBuf> = versions
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("version-")
        })
        .map(|version| version.join("openapi.json"))
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

#[test]
fn a_client_of_a_released_version_can_talk_to_the_server_of_today() {
    let today = parsed(&weft_server::openapi::document_text());
    for file in released() {
        let once = fs::read_to_string(&file).unwrap();
        let found = differences(&parsed(&once), &today);
        assert!(found.is_empty(), "{}: {found:#?}", file.display());
    }
}

fn small() -> Value {
    json!({
        "paths": { "/runs/{run}": { "post": {
            "parameters": [
                { "name": "run", "in": "path", "required": true, "schema": { "type": "string" } },
                { "name": "limit", "in": "query", "required": false, "schema": { "type": "integer", "maximum": 500 } },
            ],
            "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Mark" } } } },
            "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Run" } } } } },
        } } },
        "components": { "schemas": {
            "Mark": { "type": "object", "required": ["as"], "properties": {
                "as": { "type": "string", "enum": ["success", "failed"] },
                "why": { "type": ["string", "null"] },
            } },
            "Run": { "allOf": [{ "$ref": "#/components/schemas/Head" }, {
                "type": "object", "required": ["state", "after"], "properties": {
                    "state": { "type": "string", "enum": ["running", "ended"] },
                    "ended": { "oneOf": [{ "type": "integer", "format": "int64" }, { "type": "null" }] },
                    "after": { "type": "array", "items": { "$ref": "#/components/schemas/Run" } },
                    "counts": { "type": "object", "additionalProperties": { "type": "integer" } },
                    "news": { "oneOf": [
                        { "type": "object", "required": ["kind"], "properties": { "kind": { "type": "string", "enum": ["a"] } } },
                        { "type": "object", "required": ["kind"], "properties": { "kind": { "type": "string", "enum": ["b"] } } },
                    ] },
                },
            }] },
            "Head": { "type": "object", "required": ["id"], "properties": { "id": { "type": "string" } } },
        } },
    })
}

/// Puts a value where the pointer leads.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = small();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.insert(name.to_owned(), value)),
        Value::Array(items) if name == "-" => items.push(value),
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        other => panic!("{parent} is {other}"),
    }
    document
}

/// Takes away what the pointer leads to.
fn without(pointer: &str) -> Value {
    let mut document = small();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match parent {
        Value::Object(fields) => drop(fields.remove(name).unwrap()),
        Value::Array(items) => drop(items.remove(name.parse().unwrap())),
        other => panic!("{other}"),
    }
    document
}

const POST: &str = "/paths/~1runs~1{run}/post";
const RUN: &str = "/components/schemas/Run/allOf/1";
const MARK: &str = "/components/schemas/Mark";

#[test]
fn what_breaks_a_client_is_found() {
    let post = |below: &str| format!("{POST}{below}");
    let run = |below: &str| format!("{RUN}{below}");
    let mark = |below: &str| format!("{MARK}{below}");
    let needed = |name: &str| json!({ "name": name, "in": "query", "required": true, "schema": { "type": "string" } });
    let kind = |kind: &str| json!({ "type": "object", "required": ["kind"], "properties": { "kind": { "type": "string", "enum": [kind] } } });
    for (today, expected) in [
        (without(&post("")), "POST /runs/{run} is gone"),
        (
            without(&post("/parameters/1")),
            "POST /runs/{run} limit is gone",
        ),
        (
            with(&post("/parameters/-"), needed("zone")),
            "POST /runs/{run} zone is needed",
        ),
        (
            with(&post("/parameters/1/schema/maximum"), json!(100)),
            "POST /runs/{run} limit has a lower maximum",
        ),
        (
            with(&post("/parameters/1/schema/minimum"), json!(1)),
            "POST /runs/{run} limit has a higher minimum",
        ),
        (
            with(&post("/requestBody/required"), json!(true)),
            "POST /runs/{run} needs a body",
        ),
        (
            without(&post("/responses/200")),
            "POST /runs/{run} 200 is gone",
        ),
        (
            with(&mark("/required/-"), json!("why")),
            "POST /runs/{run}/why is needed",
        ),
        (
            without(&mark("/properties/why")),
            "POST /runs/{run}/why is gone",
        ),
        (
            without(&mark("/properties/as/enum/1")),
            "POST /runs/{run}/as may be \"failed\"",
        ),
        (
            with(&mark("/properties/why/type"), json!("string")),
            "POST /runs/{run}/why may be null",
        ),
        (
            without(&run("/properties/ended")),
            "POST /runs/{run} 200/ended is gone",
        ),
        (
            without(&run("/required/0")),
            "POST /runs/{run} 200/state may be missing",
        ),
        (
            with(&run("/properties/state/enum/-"), json!("odd")),
            "POST /runs/{run} 200/state may be \"odd\"",
        ),
        (
            without(&run("/properties/state/enum")),
            "POST /runs/{run} 200/state may be any value",
        ),
        (
            with(&run("/properties/ended/oneOf/0/format"), json!("int32")),
            "POST /runs/{run} 200/ended has another format",
        ),
        (
            with(
                &run("/properties/counts/additionalProperties/type"),
                json!("string"),
            ),
            "POST /runs/{run} 200/counts{} may be string",
        ),
        (
            with(&run("/properties/news/oneOf/-"), kind("c")),
            "POST /runs/{run} 200/news may be another variant",
        ),
        (
            with(
                "/components/schemas/Head/properties/id/type",
                json!("integer"),
            ),
            "POST /runs/{run} 200/id may be integer",
        ),
        (
            with(
                "/components/schemas/Head/properties/id/type",
                json!(["string", "null"]),
            ),
            "POST /runs/{run} 200/id may be null",
        ),
    ] {
        assert_eq!(differences(&small(), &today), [expected]);
    }
}

#[test]
fn what_only_adds_breaks_no_client() {
    let text = json!({ "type": "string" });
    let parameter = json!({ "name": "zone", "in": "query", "required": false, "schema": text });
    for today in [
        small(),
        with("/paths/~1new", json!({})),
        with(&format!("{POST}/parameters/-"), parameter),
        with(&format!("{POST}/parameters/1/schema/maximum"), json!(1000)),
        with(&format!("{POST}/responses/202"), json!({})),
        with(&format!("{MARK}/properties/also"), text.clone()),
        with(&format!("{MARK}/properties/as/enum/-"), json!("skipped")),
        with(&format!("{MARK}/required"), json!([])),
        with(&format!("{RUN}/properties/also"), text),
        with(&format!("{RUN}/required/-"), json!("ended")),
        without(&format!("{RUN}/properties/news/oneOf/0")),
        without(&format!("{RUN}/properties/state/enum/0")),
    ] {
        assert_eq!(differences(&small(), &today), [""; 0]);
    }
}
