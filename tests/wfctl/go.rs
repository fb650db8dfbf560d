//! DAGs in Go, from source to result: what `wfctl build` makes of them, what a
//! task may do, and what is said where something is wrong.
//!
//! Needs Go, which `cargo xtask guests` gets. What was compiled stays in the
//! target folder, so that only the first run of these tests waits for it.

use crate::{
    example,
    python::{Author, ended, messages, server},
};
use serde_json::{Value, json};
use std::{fs, net::TcpListener, process::Command};
use weft_tests::guests;

#[test]
fn the_example_gives_the_result_of_the_reference() {
    example::gives_the_result_of_the_reference("quakes-go");
}

const MODULE: (&str, &str) = ("go.mod", "module dags\n\ngo 1.24\n");

/// What tasks do that ask for nothing.
const TASKS: &str = include_str!("go/main.go");

/// What tasks do that ask for hosts and variables.
const WEB: &str = include_str!("go/web.go");

/// A package of the author's own.
const SHAPES: &str = include_str!("go/shapes/shapes.go");

fn task<'e>(events: &'e [Value], task: &str) -> &'e Value {
    &ended(events)["tasks"][task]
}

/// One component for all of it, since it takes a while to make.
#[test]
fn what_a_task_does_is_what_it_does_elsewhere_within_its_grants() {
    let base = server();
    let silent = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = silent.local_addr().expect("it is bound");
    let silent_base = format!("http://{address}");
    let policy = format!(
        "[http]\nallow = [\"{base}\", \"{silent_base}\"]\n[http.private]\n\"127.0.0.1\" = [\"127.0.0.1\"]\n[variables]\nallow = [\"name\"]\n"
    );
    let author = Author::new(&[
        ("main.go", TASKS),
        (
            "web.go",
            &WEB.replace("WEB_GRANT", &base)
                .replace("SILENT_GRANT", &silent_base),
        ),
        ("shapes/shapes.go", SHAPES),
        ("go.mod", "module dags\n\ngo 1.25\n"),
        ("policy.toml", &policy),
    ]);
    let built = author.wfctl(&["build"]).exits(0);
    for dag in ["tasks  16 tasks", "echoes  1 task", "web  5 tasks"] {
        assert!(built.stdout.contains(dag), "{}", built.stdout);
    }
    tasks_behave(&author);
    values_come_back(&author);
    grants_hold(&author, &base, &silent_base);
}

fn tasks_behave(author: &Author) {
    let events = author.run(1, &["--dag", "tasks"]);
    for (name, output) in [
        ("logs", json!("TASKS")),
        ("again", json!(3)),
        ("lacks", json!(true)),
        ("defers", json!(2)),
        ("goroutines", json!([0, 1, 4, 9, 16])),
        ("reads", json!(10_000)),
        ("taken", Value::Null),
    ] {
        let ended = task(&events, name);
        assert_eq!(ended["state"], "success", "{name}: {ended}");
        assert_eq!(ended["output"], output, "{name}: {ended}");
    }
    assert_eq!(task(&events, "again")["attempts"], 3);
    assert_eq!(task(&events, "skips")["state"], "skipped");
    assert_eq!(task(&events, "left")["state"], "skipped");
    assert_eq!(task(&events, "permanent")["attempts"], 1);
    let once = &task(&events, "random")["output"];
    let events_again = author.run(0, &["--dag", "tasks", "--task", "random"]);
    assert_ne!(
        once,
        &task(&events_again, "random")["output"],
        "every instance has randomness of its own"
    );

    let lines: Vec<[&str; 2]> = events
        .iter()
        .filter(|event| event["event"] == "log" && event["task"] == "logs")
        .map(|event| ["level", "message"].map(|part| event[part].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        lines,
        [
            ["info", "a line"],
            ["info", "1 of log"],
            ["error", "loud"],
            ["", "printed"],
        ]
    );
    for (message, fields) in [
        ("a line", json!({ "colour": "red", "of.one": "1" })),
        ("loud", json!({ "all": "true" })),
    ] {
        let mut lines = events.iter();
        let line = lines.find(|event| event["message"] == message);
        assert_eq!(line.expect("it was logged")["fields"], fields);
    }
    assert!(events.iter().any(|event| event["event"] == "progress"));

    // The author's own files and lines.
    let trace = messages(&events, "panics").concat();
    assert_eq!(
        trace,
        "panic: runtime error: index out of range [7] with length 1\n    at dags/shapes.At (shapes/shapes.go:11)\n    at main.panics (main.go:53)"
    );
    assert_eq!(messages(&events, "exits"), ["gone"]);
    for (name, words) in [
        ("panics", "with length 1 (shapes/shapes.go:11)"),
        (
            "misfits",
            "what misfits (main.go:56) returned can't be passed on: unsupported value: NaN",
        ),
        ("permanent", "no use to try again"),
    ] {
        let message = task(&events, name)["error"]["message"].as_str();
        assert!(
            message.is_some_and(|message| message.ends_with(words)),
            "{name}: {message:?}"
        );
    }
}

fn values_come_back(author: &Author) {
    for value in [
        json!(null),
        json!([true, false, [], {}]),
        json!({"a": {"b": [1, -2, 3]}, "": "empty"}),
        json!([0.1, -1.5e300, 2.225_073_858_507_201_4e-308, 1e21, 0]),
        json!("quotes \" and \\ and \u{1} and \n, é, 日本, 😀, \u{7f}, <&>"),
    ] {
        let given = format!("value={value}");
        let events = author.run(0, &["--dag", "echoes", "--param", &given]);
        assert_eq!(task(&events, "echo")["output"], json!([value, value]));
    }
}

fn grants_hold(author: &Author, base: &str, silent: &str) {
    let given = format!("base={base}");
    let silent = format!("silent={silent}");
    let events = author.run(
        1,
        &[
            "--dag",
            "web",
            "--param",
            &given,
            "--param",
            &silent,
            "--policy",
            "policy.toml",
            "--variable",
            "name=value",
        ],
    );
    let second = json!({ "path": "/second", "bytes": 10_000 });
    assert_eq!(
        task(&events, "get")["output"],
        json!([{ "path": "/u?a=1", "bytes": 0 }, second, second, true]),
        "{}",
        task(&events, "get")
    );
    assert_eq!(task(&events, "waits")["output"], json!([true, true]));
    assert_eq!(task(&events, "named")["output"], "value");
    for (name, words) in [
        ("denied", "weft.HTTP(\"api.example.org\")"),
        ("denied_variable", "weft.Variables(\"secret\")"),
    ] {
        let ended = task(&events, name);
        let message = ended["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{name}: {message}");
        assert_eq!(ended["attempts"], 1, "a missing grant is not retried");
    }
}

#[test]
fn a_new_dag_builds_runs_and_is_the_same_file_everywhere() {
    let author = Author::new(&[]);
    let mut built = Vec::new();
    for place in ["cities", "some/where/else/cities"] {
        author.wfctl(&["new", place, "--lang", "go"]).exits(0);
        let said = author.wfctl(&["build", place]).exits(0);
        assert!(said.stdout.contains("cities  3 tasks"), "{}", said.stdout);
        assert_eq!(said.stderr, "", "no warning in what is given to authors");
        built.push(fs::read(author.path(place).join("dag.wasm")).expect("it is built"));
    }
    assert!(
        built[0] == built[1],
        "the file depends on where it is built"
    );
    let events = author.run(0, &["cities", "--param", "title=Cities"]);
    assert_eq!(
        task(&events, "report")["output"],
        "Cities\nBerlin: 3.7 million\nTokyo: 14.2 million\nLagos: 15.9 million"
    );
    let folder = fs::read_dir(author.path("cities")).expect("it is there");
    let mut left: Vec<_> = folder
        .map(|entry| entry.expect("it is read").file_name())
        .collect();
    left.sort();
    assert_eq!(
        left,
        [
            ".gitignore",
            "README.md",
            "dag.wasm",
            "go.mod",
            "go.work",
            "main.go",
            "main_test.go"
        ]
    );
    let tests = Command::new("go")
        .args(["test", "./..."])
        .current_dir(author.path("cities"))
        .env("PATH", guests::path_with_compilers())
        .env("GOTOOLCHAIN", "local")
        .output()
        .expect("go starts");
    assert!(
        tests.status.success(),
        "{}{}",
        String::from_utf8_lossy(&tests.stdout),
        String::from_utf8_lossy(&tests.stderr)
    );
    let refused = author.wfctl(&["new", "sort", "--lang", "go"]).exits(2);
    assert!(
        refused.stderr.contains("a word of Go"),
        "{}",
        refused.stderr
    );
}

/// What is said where a build goes wrong: the compiler's own words, and what to do.
#[test]
fn builds_that_fail_say_why_and_the_old_file_stays() {
    let dag = |body: &str| {
        format!(
            "package main\n\nimport \"weft.dev/weft\"\n\nfunc one(weft.Context) (int, error) {{ return 1, nil }}\nfunc two(_ weft.Context, text string) (string, error) {{ return text, nil }}\nfunc main() {{ weft.Main(dag()) }}\nfunc dag() *weft.Dag {{\n\td := weft.DAG(\"d\")\n{body}\n\treturn d\n}}\n"
        )
    };
    let author = Author::new(&[MODULE, ("main.go", &dag("\tweft.Task0(d, \"one\", one)"))]);
    author.wfctl(&["build", "main.go"]).exits(0);
    let before = fs::read(author.path("dag.wasm")).expect("it is built");
    let cases: [(&str, i32, &[&str]); 7] = [
        (
            "package main\n\nfunc main() { return 1 + }\n",
            1,
            &["main.go:3:26: syntax error", "the tasks do not compile"],
        ),
        (
            "package main\n\nimport \"example.org/nowhere\"\n\nfunc main() { nowhere.Run() }\n",
            1,
            &["main.go:3:8: no required module provides package example.org/nowhere"],
        ),
        (
            &dag("\tweft.Task(d, \"two\", two, weft.Task0(d, \"one\", one))"),
            1,
            &["main.go:10:", "weft.Value[int]", "weft.Value[string]"],
        ),
        (
            &dag(
                "\tweft.Task(d, \"odd\", func(_ weft.Context, in chan int) (int, error) { return 0, nil }, weft.Const(\"in\", make(chan int)))",
            ),
            3,
            &["main.go:10: task odd: input in: chan int can't be passed on as JSON"],
        ),
        (
            &dag("\tweft.Task0(d, \"one\", one)\n\tweft.Task0(d, \"one\", one)"),
            3,
            &["main.go:11: two tasks are called \"one\""],
        ),
        (
            "package main\n\nimport \"weft.dev/weft\"\n\nvar d *weft.Dag\n\nfunc main() { weft.Main(d.ID() != \"\") }\n",
            1,
            &["main.go:7:"],
        ),
        (
            "package main\n\nimport _ \"weft.dev/weft\"\n\nfunc main() { panic(\"no luck\") }\n",
            3,
            &["main panics: no luck (main.go:5)"],
        ),
    ];
    for (source, code, expected) in cases {
        author.write(&[("main.go", source)]);
        let said = author.wfctl(&["build"]).exits(code);
        for words in expected {
            assert!(
                said.stderr.contains(words),
                "{words:?} is missing in:\n{}",
                said.stderr
            );
        }
    }
    author.write(&[("main.go", "package main\n\nfunc main() {}\n")]);
    let said = author.wfctl(&["build"]).exits(1);
    assert!(said.stderr.contains("weft:dag/tasks"), "{}", said.stderr);
    assert_eq!(fs::read(author.path("dag.wasm")).expect("it stays"), before);
    fs::remove_file(author.path("go.mod")).expect("it was there");
    let said = author.wfctl(&["build", "main.go"]).exits(1);
    assert!(said.stderr.contains("go mod init"), "{}", said.stderr);
}
