//! Files that can't be deployed, as bytes that no client looked at before: each
//! is refused for its own reason, through the compiler's process, and leaves
//! nothing behind.

use crate::{
    api::{Answer, Api},
    installation::{Installation, busy},
};
use serde_json::{Value, json};
use weft_sandbox::container;
use weft_tests::guests;

fn deploy(api: &Api, file: &[u8]) -> Answer {
    let kind = ["content-type: application/wasm"];
    api.ask("POST", "/deployments", &kind, file)
        .expect("it answers")
}

/// One DAG, packed with the file `busy.wasm`.
fn packed(dag: &Value) -> Vec<u8> {
    packed_with(dag, busy())
}

fn packed_with(dag: &Value, file: Vec<u8>) -> Vec<u8> {
    let document = json!({ "contract": "weft.dag/1", "dags": [dag] });
    container::pack(&document.to_string(), &[("busy.wasm".to_owned(), file)]).expect("it is packed")
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("it is WebAssembly")
}

/// What is wrong with a file, its bytes, the code of its refusal, and a part of the message.
fn bad_files() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let task = json!({ "program": "busy.wasm" });
    let good = packed(&json!({ "id": "good", "tasks": { "a": task } }));
    let mut torn = good.clone();
    torn.truncate(good.len() / 2);
    let mut deep = String::from("{\"contract\":\"weft.dag/1\",\"dags\":");
    deep.push_str(&"[".repeat(100_000));
    vec![
        ("nothing", vec![], "invalid_wasm", "empty"),
        ("text", b"hello".to_vec(), "invalid_wasm", ""),
        ("source", b"fn main() {}".to_vec(), "invalid_wasm", ""),
        ("a torn file", torn, "invalid_wasm", ""),
        (
            "a torn component",
            b"\0asm\x0d\0\x01\0\x05\xff\xff".to_vec(),
            "invalid_wasm",
            "",
        ),
        (
            "a library",
            wat("(module (func (export \"add\")))"),
            "unsupported_file",
            "",
        ),
        (
            "a program without a manifest",
            busy(),
            "unsupported_file",
            "",
        ),
        (
            "an edge between two components that doesn't fit",
            // A list of numbers, where one number is taken: only the component itself says so.
            packed_with(
                &json!({ "id": "typed", "tasks": {
                    "range": { "component": "busy.wasm", "inputs": { "count": { "value": 2 } } },
                    "add": { "component": "busy.wasm", "inputs": { "n": "range", "more": { "value": 1 } } },
                } }),
                guests::read("guest_sdk"),
            ),
            "invalid_document",
            "one thing is wrong with the file's document",
        ),
        (
            "an empty component",
            wat("(component)"),
            "unsupported_file",
            "",
        ),
        (
            "a describe that never ends",
            guests::read("guest_describe_loop"),
            "describe_failed",
            "",
        ),
        (
            "a describe that says too much",
            guests::read("guest_describe_huge"),
            "describe_failed",
            "",
        ),
        (
            "a program that imports what there is not",
            packed_with(
                &json!({ "id": "d", "tasks": { "a": task } }),
                wat(
                    "(module (import \"env\" \"launch\" (func)) (memory (export \"memory\") 1) (func (export \"_start\")))",
                ),
            ),
            "unknown_import",
            "env",
        ),
        (
            "a file that is not inside",
            packed(&json!({ "id": "d", "tasks": { "a": { "program": "other.wasm" } } })),
            "unsupported_file",
            "other.wasm",
        ),
        (
            "a document that is nested without end",
            container::pack(&deep, &[]).expect("it is packed"),
            "invalid_document",
            "",
        ),
    ]
}

/// What is wrong with a document, the DAG, the code of the single problem, and its path.
fn bad_documents() -> Vec<(&'static str, Value, &'static str)> {
    let tasks = json!({ "a": { "program": "busy.wasm" } });
    let with = |more: Value| {
        let mut dag = json!({ "id": "d", "tasks": tasks });
        for (key, value) in more.as_object().expect("an object") {
            dag[key] = value.clone();
        }
        dag
    };
    let task = |more: Value| {
        let mut dag = with(json!({}));
        for (key, value) in more.as_object().expect("an object") {
            dag["tasks"]["a"][key] = value.clone();
        }
        dag
    };
    vec![
        (
            "a minute that there is not",
            with(json!({ "schedule": "61 * * * *" })),
            "minute",
        ),
        (
            "a cron of four fields",
            with(json!({ "schedule": "* * * *" })),
            "field",
        ),
        (
            "a time zone that there is not",
            with(json!({ "schedule": "0 6 * * *", "timezone": "Europe/Nowhere" })),
            "Europe/Nowhere",
        ),
        ("a cycle", task(json!({ "after": ["a"] })), "a"),
        (
            "an upstream that there is not",
            task(json!({ "after": ["b"] })),
            "b",
        ),
        (
            "a field that there is not",
            task(json!({ "retris": 3 })),
            "retris",
        ),
        (
            "retries that are no number",
            task(json!({ "retries": "many" })),
            "retries",
        ),
        (
            "an id that leads out of a folder",
            with(json!({ "id": "../../etc/passwd" })),
            "invalid_id",
        ),
        (
            "an id that fights SQL",
            with(json!({ "id": "d'; DROP TABLE dags; --" })),
            "invalid_id",
        ),
        (
            "an id that ends a text",
            with(json!({ "id": "d\u{0}" })),
            "id",
        ),
        (
            "an id that is too long",
            with(json!({ "id": "x".repeat(100_000) })),
            "id",
        ),
    ]
}

#[test]
fn no_bad_file_is_deployed_and_each_refusal_says_why() {
    let installation = Installation::new();
    let up = installation.up();
    let api = up.api();
    for (what, file, code, words) in bad_files() {
        let answer = deploy(&api, &file);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, code),
            "{what}: {}",
            answer.json()
        );
        let problem = answer.json();
        let detail = problem["detail"].as_str().expect("it says what happened");
        assert!(detail.contains(words), "{what}: {detail}");
        assert_eq!(problem["exit_code"], 3, "{what}");
    }
    for (what, dag, words) in bad_documents() {
        let answer = deploy(&api, &packed(&dag));
        let problem = answer.json();
        assert_eq!(answer.status, 422, "{what}: {problem}");
        assert_eq!(answer.code(), "invalid_document", "{what}: {problem}");
        let problems = problem["problems"].as_array().expect("a list");
        assert!(!problems.is_empty(), "{what}: {problem}");
        for problem in problems {
            // A place, of which a file that was written by hand has the line, too.
            assert!(
                problem["line"].is_u64() && problem["column"].is_u64(),
                "{what}: {problem}"
            );
        }
        assert!(problem.to_string().contains(words), "{what}: {problem}");
    }
    assert_eq!(api.all("/dags"), [] as [Value; 0]);
    let good = deploy(
        &api,
        &packed(&json!({ "id": "good", "tasks": { "a": { "program": "busy.wasm" } } })),
    );
    assert_eq!(good.status, 200, "{good:?}");
    let (status, said) = up.terminate();
    assert!(status.success() && !said.contains("panicked"), "{said}");
}

#[test]
fn a_mistake_in_a_manifest_is_shown_at_its_line() {
    let installation = Installation::new();
    let up = installation.up();
    let manifest = "[dag]\nid = \"d\"\nschedule = \"0 25 * * *\"\ntimezone = \"Europe/Berlinn\"\n\n[tasks.a]\nprogram = \"busy.wasm\"\n";
    let said = installation.deploy(&up, manifest);
    assert_eq!(said.code, Some(3), "{said:?}");
    for part in ["dag.toml:3:", "dag.toml:4:", "0 25 * * *", "Europe/Berlin"] {
        assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
    }
}

#[test]
fn requests_beyond_the_policy_are_refused_until_it_allows_them() {
    let installation = Installation::new();
    let up = installation.up();
    let manifest = "[dag]\nid = \"d\"\n\n[tasks.a]\nprogram = \"busy.wasm\"\nqueue = \"gpu\"\n\
        grants = { http = [\"http://10.0.0.1\", \"*.example.org\"], variables = [\"key\"], connections = [\"warehouse\"] }\n";
    let said = installation.deploy(&up, manifest);
    assert_eq!(said.code, Some(4), "{said:?}");
    for part in [
        "http://10.0.0.1",
        "*.example.org",
        "key",
        "warehouse",
        "gpu",
        "policy",
    ] {
        assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
    }
    assert_eq!(up.api().all("/dags"), [] as [Value; 0]);
    let policy = "[http]\nallow = [\"http://10.0.0.1\", \"*.example.org\"]\n[http.private]\n\"10.0.0.1\" = [\"10.0.0.1\"]\n\
        [variables]\nallow = [\"key\"]\n[connections]\nallow = [\"warehouse\"]\n[queues]\nallow = [\"gpu\"]\n";
    std::fs::write(installation.path("work").join("policy.toml"), policy).expect("there is room");
    let set = installation.client(&up, &["policy", "set", "policy.toml"]);
    assert_eq!(set.code, Some(0), "{set:?}");
    let said = installation.deploy(&up, manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
}
