//! The output of `wfctl graph`, `inspect`, `check` and `completions`.

#[path = "support/place.rs"]
mod support;

use support::Place;

const MANIFEST: &str = r#"
[dag]
id = "shapes"
description = "Every kind of node and edge."
[dag.params]
limit = 10
[tasks.read]
program = "p.wasm"
[tasks.parse]
program = "p.wasm"
expand = { row = "read" }
grants = { http = ["example.org"] }
limits = { memory = "512MiB" }
[tasks.choose]
program = "p.wasm"
inputs = { rows = "parse", all = "read" }
branch = true
[tasks.left]
program = "p.wasm"
after = ["choose"]
[tasks.right]
program = "p.wasm"
after = ["choose"]
retries = 2
[tasks.report]
program = "p.wasm"
inputs = { left = "left", right = "right", rows = "parse" }
trigger_rule = "none_failed_min_one_success"
"#;

fn place() -> Place {
    let place = Place::new();
    place.program("p.wasm", "1");
    place.write("dag.toml", MANIFEST);
    place
}

#[test]
fn text() {
    insta::assert_snapshot!(place().said("graph"));
}

#[test]
fn text_of_a_wide_dag_is_a_list() {
    let place = place();
    let tasks: Vec<String> = (0..70)
        .map(|number| format!("[tasks.t{number}]\nprogram = \"p.wasm\"\nafter = [\"first\"]\n"))
        .collect();
    let tasks = tasks.concat();
    place.write(
        "dag.toml",
        format!("[dag]\nid = \"wide\"\n[tasks.first]\nprogram = \"p.wasm\"\n{tasks}"),
    );
    let said = place.said("graph");
    assert!(
        said.contains("layer 2: 70 tasks\n  t0 (program) <- first\n"),
        "{said}"
    );
}

#[test]
fn dot() {
    insta::assert_snapshot!(place().said("graph --format dot"));
}

#[test]
fn mermaid() {
    insta::assert_snapshot!(place().said("graph --format mermaid"));
}

#[test]
fn svg_holds_every_task_once_and_is_written_where_asked() {
    let place = place();
    assert_eq!(place.wfctl("graph --out dag.svg").status.code(), Some(0));
    let svg = std::fs::read_to_string(place.path().join("dag.svg")).expect("written");
    for task in ["read", "parse", "choose", "left", "right", "report"] {
        assert_eq!(
            svg.matches(&format!(">{task}</text>")).count(),
            1,
            "{task}: {svg}"
        );
    }
    assert_eq!(svg.matches("class=\"edge").count(), 8, "{svg}");
}

#[test]
fn inspecting_a_manifest_shows_what_it_asks_for() {
    let said = place().said("inspect");
    for part in [
        "asks for http: example.org",
        "asks for memory: 512.0 MiB",
        "param     limit = 10",
        "WASI 0.1 program",
        "2 retries",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn inspecting_a_program_needs_no_manifest_and_json_is_json() {
    let output = place().wfctl("inspect p.wasm --output json");
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(value["kind"], "WASI 0.1 program");
    assert!(
        value["digest"]
            .as_str()
            .is_some_and(|digest| digest.starts_with("sha256:"))
    );
    assert_eq!(value["imports"][0]["offered"], true);
}

#[test]
fn checking_a_good_dag_says_so() {
    insta::assert_snapshot!(place().said("check"));
}

#[test]
fn completions_are_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let said = place().said(&format!("completions {shell}"));
        assert!(said.contains("logical-date"), "{shell}");
    }
}
