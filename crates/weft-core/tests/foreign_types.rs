//! Types of tasks that other components describe, at the edges of a manifest.

use serde_json::json;
use std::sync::Arc;
use weft_core::document::{Document, DocumentError, Format, ProblemCode, Source, TaskTypes, parse};

/// What a component says of its two tasks, in one DAG with types and in one without.
const DESCRIBED: &str = r#"{"contract": "weft.dag/1", "dags": [
  {"id": "bare", "tasks": {"double": {"inputs": {"n": {"value": 1}}}}},
  {"id": "typed", "tasks": {
    "first": {"task": "double", "inputs": {"n": {"value": 1}},
      "types": {"inputs": {"n": {"type": "integer"}}, "output": {"type": "integer"}}},
    "shout": {"inputs": {"text": {"value": "a"}},
      "types": {"inputs": {"text": {"type": "string"}}, "output": {"type": "string"}}}}}]}"#;

const TOML: &str = r#"
[dag]
id = "mixed"

[tasks.double]
component = "a.wasm"
inputs = { n = { value = 1 } }

[tasks.shout]
component = "b.wasm"
inputs = { text = "double" }
"#;

fn read(text: &str, format: Format) -> (Document, Source<'_>) {
    let source = Source {
        name: "dag",
        text,
        format,
    };
    (parse(source).expect("it is valid by itself"), source)
}

/// The document's verdict, where both files are that component.
fn learned(text: &str, format: Format) -> Result<Document, DocumentError> {
    let known = read(DESCRIBED, Format::Json).0.own_types();
    let (mut document, source) = read(text, format);
    document
        .learn_types(source, |_, task| known.get(task).cloned())
        .map(|()| document)
}

#[test]
fn a_component_knows_its_tasks_by_their_own_names() {
    let known = read(DESCRIBED, Format::Json).0.own_types();
    let mut names: Vec<&str> = known.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["double", "shout"]);
    let integer = Arc::new(json!({"type": "integer"}));
    let double = TaskTypes {
        inputs: vec![("n".to_owned(), Arc::clone(&integer))],
        output: Some(integer),
    };
    assert_eq!(known["double"], double);
}

#[test]
fn an_edge_between_components_is_refused_at_its_place() {
    let error = learned(TOML, Format::Toml).expect_err("a number is no text");
    let [problem] = &error.problems[..] else {
        panic!("one edge is wrong: {error}");
    };
    assert_eq!(problem.code, ProblemCode::EdgeType);
    assert_eq!(problem.path, "tasks.shout.inputs.text");
    assert_eq!(problem.position.map(|position| position.line), Some(11));
    // What a container holds is the same document as JSON.
    let json = r#"{"dag": {"id": "mixed"}, "tasks": {
      "double": {"component": "a.wasm", "inputs": {"n": {"value": 1}}},
      "shout": {"component": "b.wasm", "inputs": {"text": "double"}}}}"#;
    let error = learned(json, Format::Json).expect_err("a number is no text");
    assert_eq!(error.problems[0].path, "tasks.shout.inputs.text");
}

#[test]
fn a_list_of_dags_has_other_places() {
    let json = r#"{"contract": "weft.dag/1", "dags": [
      {"id": "good", "tasks": {"double": {"component": "a.wasm", "inputs": {"n": {"value": 1}}}}},
      {"id": "bad", "tasks": {"double": {"component": "a.wasm", "inputs": {"n": {"value": "1"}}}}}]}"#;
    let error = learned(json, Format::Json).expect_err("a text is no number");
    assert_eq!(error.problems[0].path, "dags[1].tasks.double.inputs.n");
}

#[test]
fn edges_that_fit_pass_and_keep_what_was_learned() {
    let text = TOML.replace("text = \"double\"", "text = { value = \"a\" }");
    let document = learned(&text, Format::Toml).expect("every edge fits");
    let tasks = &document.dags[0].tasks;
    assert!(tasks.iter().all(|task| task.output_schema.is_some()));
}

#[test]
fn what_the_manifest_says_itself_holds() {
    let text = format!("{TOML}types = {{ inputs = {{ text = {{ type = \"integer\" }} }} }}\n");
    learned(&text, Format::Toml).expect("the manifest says that a number is taken");
}

#[test]
fn nothing_known_is_nothing_checked() {
    let (mut document, source) = read(TOML, Format::Toml);
    let before = document.clone();
    document
        .learn_types(source, |_, _| None)
        .expect("nothing is known");
    assert_eq!(document, before);
}
