//! One DAG in several languages: tasks of a Python component, of a C one, of a Go
//! one, of a Rust one and plain programs in one manifest, with the edges' types compared across.

use crate::python::Author;
use serde_json::{Value, json};
use std::{fs, path::Path};
use weft_tests::guests;

/// Takes numbers and gives numbers, with types from annotations.
const PYTHON: &str = r#"
from weft import dag, task


@task
def squares(count: int) -> list[int]:
    return [n * n for n in range(count)]


@task
def words(count: int) -> list[str]:
    return ["word"] * count


@task
def report(total: int) -> str:
    return f"the sum is {total}"


@dag
def shown(count: int = 5):
    squares(count)
    words(count)
    report(count)
"#;

/// Python gives to Rust, a program gives to Rust and takes from it, Rust gives to Python.
const MANIFEST: &str = r#"
[dag]
id = "mixed"

[dag.params]
count = { default = 5, schema = { type = "integer" } }

[tasks.squares]
component = "python.wasm"
inputs = { count = { param = "count" } }

[tasks.sum]
component = "rust.wasm"
task = "total"
inputs = { numbers = "squares" }

[tasks.part]
program = "numbers-c.wasm"
args = ["part"]
inputs = { numbers = "squares" }

[tasks.same]
component = "rust.wasm"
task = "add"
inputs = { n = "sum", more = { task = "part", pointer = "/1" } }

[tasks.larger]
component = "c.wasm"
inputs = { n = "same", than = "sum" }

[tasks.halves]
component = "go.wasm"
inputs = { numbers = "squares", sum = "sum" }

[tasks.report]
component = "python.wasm"
inputs = { total = { task = "halves", pointer = "/sum" } }
"#;

/// Compares two numbers, in C.
const C: &str = r#"
#include <weft.h>

static weft_value *larger(const weft_value *inputs) {
    int64_t n = weft_integer(weft_member(inputs, "n")), than = weft_integer(weft_member(inputs, "than"));
    return weft_new_bool(n > than);
}

WEFT_DAGS {
    weft_dag("larger", NULL);
    weft_task("larger", larger, WEFT_JSON({
        "inputs": {"n": {"value": 2}, "than": {"value": 1}},
        "types": {
            "inputs": {"n": {"type": "integer"}, "than": {"type": "integer"}},
            "output": {"type": "boolean"}
        }
    }));
}
"#;

/// Halves numbers, and adds up what there was before, in Go.
const GO: &str = r#"
package main

import "weft.dev/weft"

type halved struct {
	Halves []float64 `json:"halves"`
	Sum    int       `json:"sum"`
}

func main() {
	d := weft.DAG("halves")
	weft.Task2(d, "halves", halves, weft.Const("numbers", []int{1}), weft.Const("sum", 1))
	weft.Main(d)
}

func halves(_ weft.Context, numbers []int, sum int) (halved, error) {
	found := halved{Sum: sum}
	for _, number := range numbers {
		found.Halves = append(found.Halves, float64(number)/2)
		found.Sum += number
	}
	return found, nil
}
"#;

/// The components and the program that the manifest names, in the author's folder.
fn author() -> Author {
    let author = Author::new(&[
        ("tasks.py", PYTHON),
        ("larger.c", C),
        ("halves/main.go", GO),
        ("halves/go.mod", "module halves\n\ngo 1.24\n"),
        ("mixed/dag.toml", MANIFEST),
    ]);
    author
        .wfctl(&["build", "tasks.py", "-o", "mixed/python.wasm"])
        .exits(0);
    author
        .wfctl(&["build", "larger.c", "-o", "mixed/c.wasm"])
        .exits(0);
    author
        .wfctl(&["build", "halves", "-o", "mixed/go.wasm"])
        .exits(0);
    copy("guest_sdk", &author.path("mixed/rust.wasm"));
    copy("numbers-c", &author.path("mixed/numbers-c.wasm"));
    author
}

fn copy(guest: &str, to: &Path) {
    fs::copy(guests::path(guest), to).expect("the guest can be copied");
}

fn output<'e>(events: &'e [Value], task: &str) -> &'e Value {
    let ended = events.last().expect("there are events");
    &ended["tasks"][task]["output"]
}

#[test]
fn tasks_of_several_languages_make_one_dag_and_one_file() {
    let author = author();
    author
        .wfctl(&["build", "mixed/dag.toml", "-o", "dag.wasm"])
        .exits(0);
    for file in ["mixed/dag.toml", "dag.wasm"] {
        let events = author.run(0, &[file]);
        assert_eq!(output(&events, "sum"), 30, "{file}");
        assert_eq!(output(&events, "part"), &json!([5, 30, 16]), "{file}");
        assert_eq!(output(&events, "report"), "the sum is 60", "{file}");
        assert_eq!(output(&events, "larger"), true, "{file}");
        assert_eq!(
            output(&events, "halves")["halves"],
            json!([0, 0.5, 2, 4.5, 8]),
            "{file}"
        );
    }
    let events = author.run(0, &["dag.wasm", "--param", "count=3"]);
    assert_eq!(output(&events, "report"), "the sum is 10");
}

#[test]
fn an_edge_across_languages_that_does_not_fit_is_refused() {
    let author = author();
    for (right, wrong, task, takes) in [
        // Python gives a list of texts, Rust takes a list of numbers.
        (
            "numbers = \"squares\" }\n\n[tasks.part]",
            "numbers = \"words\" }\n\n[tasks.words]\ncomponent = \"python.wasm\"\ninputs = { count = { value = 2 } }\n\n[tasks.part]",
            "sum",
            "the output of \"words\" doesn't fit the input \"numbers\"",
        ),
        // Python gives a text, C takes a whole number.
        (
            "than = \"sum\"",
            "than = \"report\"",
            "larger",
            "the output of \"report\" doesn't fit the input \"than\"",
        ),
        // C gives a truth, Python takes a whole number.
        (
            "total = { task = \"halves\", pointer = \"/sum\" } }",
            "total = \"larger\" }",
            "report",
            "the output of \"larger\" doesn't fit the input \"total\"",
        ),
        // Go gives a list of numbers, Python takes one.
        (
            "pointer = \"/sum\"",
            "pointer = \"/halves\"",
            "report",
            "the output of \"halves\" at \"/halves\" doesn't fit the input \"total\"",
        ),
        // Python gives a list of texts, Go takes a list of numbers.
        (
            "numbers = \"squares\", sum",
            "numbers = \"words\", sum = \"sum\" }\n\n[tasks.words]\ncomponent = \"python.wasm\"\ninputs = { count = { value = 2 } }\n\n[tasks.other]\ncomponent = \"go.wasm\"\ntask = \"halves\"\ninputs = { numbers = \"squares\", sum",
            "halves",
            "the output of \"words\" doesn't fit the input \"numbers\"",
        ),
        // Rust gives a list of numbers, Python takes one.
        (
            "total = { task = \"halves\", pointer = \"/sum\" } }",
            "total = \"range\" }\n\n[tasks.range]\ncomponent = \"rust.wasm\"\ninputs = { count = { value = 2 } }",
            "report",
            "the output of \"range\" doesn't fit the input \"total\"",
        ),
    ] {
        let manifest = MANIFEST.replacen(right, wrong, 1);
        assert_ne!(manifest, MANIFEST);
        author.write(&[("mixed/dag.toml", &manifest)]);
        for command in [
            &["check", "mixed/dag.toml"][..],
            &["build", "mixed/dag.toml"],
            &["run", "mixed/dag.toml"],
        ] {
            let said = author.wfctl(command).exits(3);
            assert!(said.stderr.contains(takes), "{command:?}: {}", said.stderr);
            let place = format!("tasks.{task}.inputs");
            assert!(said.stderr.contains(&place), "{command:?}: {}", said.stderr);
        }
    }
}
