//! DAGs in TypeScript and JavaScript, from source to result: what `wfctl build`
//! makes of them, what a task may do, and what is said where something is wrong.
//!
//! Needs Node 20 with its package registry in reach. What is installed stays in
//! the target folder, so that only the first run of these tests waits for it.

use crate::{
    example,
    python::{Author, ended, messages, server},
};
use serde_json::json;
use std::{fs, process::Command};
use weft_tests::guests;

#[test]
fn the_example_gives_the_result_of_the_reference() {
    example::gives_the_result_of_the_reference("quakes-js");
}

const TASKS: &str = r#"
import { Artifact, type Context, dag, Defer, Fail, log, Skip, task, variable } from "@weft/sdk";
import { shout } from "shouting";
import words from "./words.txt";

const logs = task(async function logs(_: {}, context: Context) {
  console.log("a line with %d field", 1);
  console.warn("careful");
  console.error(new Error("shown"));
  log.info("mine", { colour: "red" });
  await new Promise((resolve) => setTimeout(resolve, 5));
  return shout(context.dagId) + words.trim();
});
const throws = task(async function throws({ text }: { text: string }): Promise<number> {
  await null;
  function inner(): number {
    throw new RangeError(`no number: ${text}`);
  }
  return inner();
});
const misfits = task({ types: { output: { type: "array", items: { type: "integer" } } } }, function misfits() {
  return [1, "two"];
});
const unserialisable = task(function unserialisable() {
  return { when: new Map() };
});
const permanent = task({ retries: 5 }, function permanent() {
  throw new Fail("no use to try again");
});
const skips = task(function skips() {
  throw new Skip("nothing to do");
});
const defers = task(function defers(_: {}, context: Context): number {
  const seen = (context.resumed ?? 0) as number;
  if (seen < 2) throw new Defer({ after: 0.01, state: seen + 1 });
  return seen;
});
const random = task(function random() {
  return [Math.random(), crypto.randomUUID()];
});
const globals = task(async function globals() {
  const url = new URL("../b?x=1", "https://example.org/a/c");
  async function* numbers() {
    yield 1;
    await null;
    yield 2;
  }
  const order: string[] = [];
  setTimeout(() => order.push("timer"), 5);
  queueMicrotask(() => order.push("microtask"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const copy = structuredClone(new Map([["a", new TextEncoder().encode("ä").length]]));
  return [url.href, await Array.fromAsync(numbers()), order, copy.get("a"), performance.now() >= 20];
});
const never = task(async function never() {
  await new Promise(() => {});
});
const writes = task(function writes() {
  return Artifact.write("x".repeat(10_000), "text/plain");
});
const reads = task(function reads({ artifact }: { artifact: Artifact }) {
  return artifact.text().length;
});

dag(function tasks() {
  logs();
  throws({ text: "seven" });
  misfits();
  unserialisable();
  permanent();
  skips();
  defers();
  random();
  random();
  globals();
  never();
  reads({ artifact: writes() });
});

const get = task({ grants: { http: ["WEB_GRANT"] } }, async function get({ base }: { base: string }) {
  const post = { method: "POST", body: "x".repeat(10_000) };
  const both = await Promise.all([fetch(`${base}/u?a=1`), fetch(new URL("/second", base), post)]);
  const missing = await fetch(`${base}/missing`);
  return [both[0]!.status, await both[0]!.json(), await both[1]!.json(), missing.ok];
});
const denied = task({ retries: 3 }, async function denied() {
  await fetch("https://api.example.org/");
});
const deniedVariable = task({ id: "denied_variable", retries: 3 }, function deniedVariable() {
  return variable("secret");
});
const named = task({ grants: { variables: ["name"] } }, function named() {
  return variable("name");
});

dag({ params: { base: "" } }, function web({ base }) {
  get({ base });
  denied();
  deniedVariable();
  named();
});
"#;

/// One component for both, since it takes a while to make.
#[test]
fn what_a_task_does_is_what_it_does_elsewhere_within_its_grants() {
    let base = server();
    let policy = format!(
        "[http]\nallow = [\"{base}\"]\n[http.private]\n\"127.0.0.1\" = [\"127.0.0.1\"]\n[variables]\nallow = [\"name\"]\n"
    );
    let author = Author::new(&[
        ("dags/tasks.ts", &TASKS.replace("WEB_GRANT", &base)),
        ("dags/words.txt", "!\n"),
        (
            "dags/files.d.ts",
            "declare module \"*.txt\" {\n  const text: string;\n  export default text;\n}\n",
        ),
        (
            "node_modules/shouting/package.json",
            "{ \"name\": \"shouting\", \"main\": \"main.js\", \"types\": \"main.d.ts\" }",
        ),
        (
            "node_modules/shouting/main.js",
            "exports.shout = (text) => text.toUpperCase();\n",
        ),
        (
            "node_modules/shouting/main.d.ts",
            "export declare function shout(text: string): string;\n",
        ),
        ("package.json", "{ \"type\": \"module\" }"),
        (
            "tsconfig.json",
            "{ \"compilerOptions\": { \"strict\": true, \"module\": \"ESNext\", \"moduleResolution\": \"Bundler\", \"target\": \"ES2022\", \"lib\": [\"ESNext\", \"DOM\"] }, \"include\": [\"dags\"] }",
        ),
        ("policy.toml", &policy),
    ]);
    let built = author.wfctl(&["build"]).exits(0);
    for dag in ["tasks  13 tasks", "web  4 tasks"] {
        assert!(built.stdout.contains(dag), "{}", built.stdout);
    }
    tasks_behave(&author);
    grants_hold(&author, &base);
}

fn tasks_behave(author: &Author) {
    let events = author.run(1, &["--dag", "tasks"]);
    let run = &ended(&events)["tasks"];
    for (task, output) in [
        ("logs", json!("TASKS!")),
        ("defers", json!(2)),
        (
            "globals",
            json!([
                "https://example.org/b?x=1",
                [1, 2],
                ["microtask", "timer"],
                2,
                true
            ]),
        ),
        ("reads", json!(10_000)),
    ] {
        assert_eq!(run[task]["output"], output, "{task}: {}", run[task]);
    }
    assert_ne!(
        run["random"]["output"], run["random__1"]["output"],
        "every instance has randomness of its own"
    );
    assert_eq!(run["skips"]["state"], "skipped");
    assert_eq!(run["permanent"]["attempts"], 1);

    let lines: Vec<[&str; 2]> = events
        .iter()
        .filter(|event| event["event"] == "log" && event["task"] == "logs")
        .map(|event| ["level", "message"].map(|part| event[part].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        lines,
        [
            ["info", "a line with 1 field"],
            ["warn", "careful"],
            [
                "error",
                "Error: shown\n    at (dags/tasks.ts:9:21)\n    at logs (dags/tasks.ts:6:64)"
            ],
            ["info", "mine"],
        ]
    );
    let line = events
        .iter()
        .find(|event| event["message"] == "mine")
        .expect("it was logged");
    assert_eq!(line["fields"], json!({ "colour": "red" }));

    // The author's own files and lines.
    let trace = messages(&events, "throws").concat();
    assert!(
        trace.starts_with("RangeError: no number: seven\n    at inner (dags/tasks.ts:17:"),
        "{trace}"
    );
    assert!(!trace.contains("weft"), "{trace}");
    for (task, words) in [
        ("throws", "RangeError: no number: seven"),
        ("misfits", "output[1]: expected integer, got \"two\""),
        ("misfits", "dags/tasks.ts:21"),
        ("unserialisable", "output.when: a Map can't be passed on"),
        ("never", "waits for a promise that nothing will settle"),
    ] {
        let message = run[task]["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{task}: {message}");
    }
}

fn grants_hold(author: &Author, base: &str) {
    let given = format!("base={base}");
    let events = author.run(
        1,
        &[
            "--dag",
            "web",
            "--param",
            &given,
            "--policy",
            "policy.toml",
            "--variable",
            "name=value",
        ],
    );
    let run = &ended(&events)["tasks"];
    assert_eq!(
        run["get"]["output"],
        json!([
            200,
            { "path": "/u?a=1", "bytes": 0 },
            { "path": "/second", "bytes": 10_000 },
            false
        ]),
        "{}",
        run["get"]
    );
    assert_eq!(run["named"]["output"], "value");
    for (task, words) in [
        ("denied", "grants: { http: [\"api.example.org\"] }"),
        ("denied_variable", "grants: { variables: [\"secret\"] }"),
    ] {
        let message = run[task]["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{task}: {message}");
        assert_eq!(run[task]["attempts"], 1, "a missing grant is not retried");
    }
}

#[test]
fn the_same_sources_give_the_same_file() {
    let source = "import { dag, task } from \"@weft/sdk\";\nconst one = task(function one() { return 1; });\ndag(function same() { one(); });\n";
    let author = Author::new(&[("same.js", source)]);
    author.wfctl(&["build"]).exits(0);
    let first = fs::read(author.path("dag.wasm")).expect("it was built");
    let elsewhere = Author::new(&[("same.js", source)]);
    elsewhere.wfctl(&["build", "same.js"]).exits(0);
    let second = fs::read(elsewhere.path("dag.wasm")).expect("it was built");
    assert!(first == second, "the files differ");
    let folder = author.path("");
    let left = fs::read_dir(folder).expect("the folder is there").count();
    assert_eq!(left, 2, "only dag.wasm was added");
}

#[test]
fn a_new_project_builds_runs_and_passes_its_tests() {
    let author = Author::new(&[]);
    for language in ["ts", "js"] {
        let name = format!("my-{language}");
        author.wfctl(&["new", &name, "--lang", language]).exits(0);
        author.wfctl(&["build", &name]).exits(0);
        let events = author.run(0, &[&name, "--param", "title=Cities"]);
        assert_eq!(
            ended(&events)["tasks"]["report"]["output"],
            "Cities\nBerlin: 3.7 million\nTokyo: 14.2 million\nLagos: 15.9 million"
        );
    }
    // As npm would, without asking anybody.
    let sdk = author.wfctl(&["doctor", "--js-sdk"]).exits(0).stdout;
    let scope = author.path("my-js/node_modules/@weft");
    fs::create_dir_all(&scope).expect("there is room for a folder");
    std::os::unix::fs::symlink(sdk.trim(), scope.join("sdk")).expect("a link can be made");
    let tests = Command::new("node")
        .arg("--test")
        .current_dir(author.path("my-js"))
        .env("PATH", guests::path_with_compilers())
        .output()
        .expect("node starts");
    assert!(
        tests.status.success(),
        "{}{}",
        String::from_utf8_lossy(&tests.stdout),
        String::from_utf8_lossy(&tests.stderr)
    );
    let refused = author.wfctl(&["new", "class", "--lang", "ts"]).exits(2);
    assert!(
        refused.stderr.contains("a word of JavaScript"),
        "{}",
        refused.stderr
    );
}

/// What is said where a build goes wrong: the tools' own words, and what to do.
#[test]
fn builds_that_fail_say_why() {
    const DAG: &str = "import { dag, task } from \"@weft/sdk\";\nconst one = task(function one() { return 1; });\n";
    let cases: [(&str, &str, &[&str]); 6] = [
        (
            "dag.js",
            "import { dag } from \"@weft/sdk\";\nconst broken = (;\n",
            &["dag.js:2:16", "Unexpected \";\"", "const broken = (;"],
        ),
        (
            "dag.js",
            "import \"@weft/sdk\";\nimport \"left-pad\";\n",
            &["Could not resolve \"left-pad\"", "npm install"],
        ),
        (
            "dag.js",
            "import \"@weft/sdk\";\nimport \"node:fs\";\n",
            &["dag.js:2:7", "is Node's own"],
        ),
        (
            "dag.js",
            "import \"@weft/sdk\";\nimport \"./addon.node\";\n",
            &[
                "No loader is configured for \".node\" files",
                "native code can't run in the sandbox",
            ],
        ),
        (
            "dag.js",
            &format!("{DAG}dag(function odd() {{\n  one.with({{ retry: 1 }})();\n}});\n"),
            &["task one has no setting \"retry\"", "odd (dag.js:4:7)"],
        ),
        (
            "dag.ts",
            &format!(
                "{DAG}const two = task(function two({{ text }}: {{ text: string }}) {{ return text; }});\ndag(function typed() {{ two({{ text: one() }}); }});\n"
            ),
            &["dag.ts(4,30): error TS2322", "the types do not fit"],
        ),
    ];
    for (name, source, expected) in cases {
        let author = Author::new(&[(name, source), ("addon.node", "native")]);
        let said = author.wfctl(&["build"]).exits(1);
        for words in expected {
            assert!(
                said.stderr.contains(words),
                "{words:?} is missing in:\n{}",
                said.stderr
            );
        }
        assert!(
            !said.stderr.contains("weft-sdk:"),
            "only the author's files:\n{}",
            said.stderr
        );
        assert!(!author.path("dag.wasm").exists(), "{source}");
    }
}
