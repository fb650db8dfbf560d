//! DAGs in C and C++, from source to result: what `wfctl build` makes of them,
//! what a task may do, and what is said where something is wrong.
//!
//! Needs Zig, which `cargo xtask guests` gets.

use crate::python::Author;
use serde_json::{Value, json};
use std::fs;

/// Gives back what it got, in C; the other ends, in C++.
const SOURCES: [(&str, &str); 3] = [
    (
        "include/echo.h",
        r#"
#include <weft.h>
#ifdef __cplusplus
extern "C"
#endif
weft_value *echo(const weft_value *inputs);
"#,
    ),
    (
        "src/echo.c",
        r#"
#include "echo.h"

weft_value *echo(const weft_value *inputs) {
    weft_value *both = weft_new_list();
    weft_append(both, weft_member(inputs, "value"));
    weft_append(both, weft_parse(weft_print(weft_member(inputs, "value"))));
    return both;
}
"#,
    ),
    (
        "src/ends.cpp",
        r#"
#include "echo.h"
#include <cstdio>
#include <string>
#include <vector>

static weft_value *ends(const weft_value *inputs) {
    const std::string how = weft_text(weft_member(inputs, "how"));
    const int64_t number = weft_integer(weft_member(weft_attempt(), "number"));
    weft_progress(0.5, "half way");
    if (how == "skip") return weft_skip("there is \"nothing\" to do");
    if (how == "again" && number < 2) return weft_fail("attempt %d fails", (int)number);
    if (how == "for good") return weft_fail_for_good("no use");
    if (how == "variable") return weft_new_bool(weft_variable("secret") != nullptr);
    if (how == "trap") __builtin_trap();
    if (how == "update")
        return weft_update(weft_new_integer(3), weft_parse(R"([{"asset": "orders", "partition": "2026-11-26", "metadata": {"rows": 3}}])"));
    if (how == "no update") return weft_update(nullptr, weft_parse(R"([{"name": "orders"}])"));
    weft_log(WEFT_WARN, "%s in attempt %d", how.c_str(), (int)number);
    std::puts("printed");
    std::vector<std::string> words{"a", "b"};
    weft_value *list = weft_new_list();
    for (const auto &word : words) weft_append(list, weft_new_text(word.c_str()));
    weft_value *object = weft_new_object();
    weft_set(object, "words", list);
    weft_set(object, "cancelled", weft_new_bool(weft_cancelled()));
    weft_set(object, "run", weft_member(weft_attempt(), "run"));
    return object;
}

WEFT_DAGS {
    weft_dag("echoes", WEFT_JSON({"params": {"value": {"default": 1, "schema": {}}}}));
    weft_task("echo", echo, WEFT_JSON({"inputs": {"value": {"param": "value"}}}));
    weft_dag("ends", R"({"params": {"how": "well"}})");
    weft_task("ends", ends, WEFT_JSON({"inputs": {"how": {"param": "how"}}, "retries": 3, "retry_delay": "1ms", "outlets": ["orders"]}));
}
"#,
    ),
];

fn output<'e>(events: &'e [Value], task: &str) -> &'e Value {
    &task_of(events, task)["output"]
}

fn task_of<'e>(events: &'e [Value], task: &str) -> &'e Value {
    let ended = events.last().expect("there are events");
    &ended["tasks"][task]
}

#[test]
fn a_new_dag_builds_and_runs_and_is_the_same_file_everywhere() {
    let author = Author::new(&[]);
    let mut built = Vec::new();
    for place in ["sums", "some/where/else/sums"] {
        author.wfctl(&["new", place, "--lang", "c"]).exits(0);
        let said = author.wfctl(&["build", place]).exits(0);
        assert!(said.stdout.contains("sums  2 tasks"), "{}", said.stdout);
        assert_eq!(said.stderr, "", "no warning in what is given to authors");
        built.push(fs::read(author.path(place).join("dag.wasm")).expect("it is built"));
    }
    assert!(
        built[0] == built[1],
        "the file depends on where it is built"
    );
    let events = author.run(0, &["sums", "--param", "count=100"]);
    assert_eq!(output(&events, "total"), 5050);
    let events = author.run(1, &["sums", "--param", "count=0"]);
    let error = &task_of(&events, "numbers")["error"];
    assert_eq!(error["message"], "there are no 0 numbers");
}

#[test]
fn values_come_back_as_they_went() {
    let author = Author::new(&SOURCES);
    author.wfctl(&["build"]).exits(0);
    for value in [
        json!(null),
        json!([true, false, [], {}]),
        json!({"a": {"b": [1, -2, 9_007_199_254_740_993_i64]}, "": "empty"}),
        json!([0.1, -1.5e300, 2.225_073_858_507_201_4e-308, 1e21, 0]),
        json!("quotes \" and \\ and \u{1} and \n, é, 日本, 😀, \u{7f}"),
        json!([[[[[[[[[[[[[[[["deep"]]]]]]]]]]]]]]]]),
    ] {
        let given = format!("value={value}");
        let events = author.run(0, &["--dag", "echoes", "--param", &given]);
        assert_eq!(output(&events, "echo"), &json!([value, value]));
    }
}

#[test]
fn a_task_ends_in_every_way() {
    let author = Author::new(&SOURCES);
    author.wfctl(&["build"]).exits(0);
    let run = |code, how: &str| {
        let given = format!("how={}", json!(how));
        author.run(code, &["--dag", "ends", "--param", &given])
    };
    let events = run(0, "well");
    let output = output(&events, "ends");
    assert_eq!(output["words"], json!(["a", "b"]));
    assert_eq!(output["cancelled"], false);
    assert_eq!(
        output["run"],
        events.last().expect("there are events")["run"]
    );
    let logged = |message: &str| {
        let mut logs = events.iter().filter(|event| event["event"] == "log");
        assert!(logs.any(|log| log["message"] == message), "{message}");
    };
    logged("well in attempt 1");
    logged("printed");
    assert!(events.iter().any(|event| event["event"] == "progress"));

    let events = run(0, "skip");
    assert_eq!(task_of(&events, "ends")["state"], "skipped");
    let events = run(0, "again");
    assert_eq!(task_of(&events, "ends")["attempts"], 2);
    let events = run(1, "for good");
    assert_eq!(task_of(&events, "ends")["attempts"], 1);
    assert_eq!(task_of(&events, "ends")["error"]["message"], "no use");
    let events = run(0, "variable");
    assert_eq!(task_of(&events, "ends")["output"], false);
    let events = run(0, "update");
    assert_eq!(task_of(&events, "ends")["output"], 3);
    let events = run(1, "no update");
    let message =
        "weft_update: an update is an object with an \"asset\", not {\"name\":\"orders\"}";
    assert_eq!(task_of(&events, "ends")["error"]["message"], message);
    let events = run(1, "trap");
    assert_eq!(task_of(&events, "ends")["error"]["code"], "trap");
}

#[test]
fn an_error_is_shown_as_the_compiler_says_it_and_the_old_file_stays() {
    let author = Author::new(&SOURCES);
    author.wfctl(&["build"]).exits(0);
    let before = fs::read(author.path("dag.wasm")).expect("it is built");
    author.write(&[(
        "src/echo.c",
        "#include \"echo.h\"\nint broken(void) { return missing; }\n",
    )]);
    let said = author.wfctl(&["build"]).exits(1);
    assert!(said.stderr.contains("src/echo.c:2:"), "{}", said.stderr);
    assert!(said.stderr.contains("'missing'"), "{}", said.stderr);
    assert!(
        said.stderr.contains("src/echo.c does not compile"),
        "{}",
        said.stderr
    );
    // `echo` is declared, used, and nowhere.
    author.write(&[("src/echo.c", "#include \"echo.h\"\n")]);
    let said = author.wfctl(&["build"]).exits(1);
    assert!(
        said.stderr.contains("undefined symbol: echo"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("the tasks do not link"),
        "{}",
        said.stderr
    );
    assert_eq!(fs::read(author.path("dag.wasm")).expect("it stays"), before);
}

#[test]
fn a_wrong_dag_is_refused_with_its_name() {
    let author = Author::new(&[]);
    let main = |body: &str| {
        let text = format!(
            "#include <weft.h>\nstatic weft_value *one(const weft_value *inputs) {{ (void)inputs; return weft_new_integer(1); }}\n\
             static weft_value *two(const weft_value *inputs) {{ return one(inputs); }}\n\
             WEFT_DAGS {{ {body} (void)two; }}\n"
        );
        author.write(&[("dag.c", &text)]);
        author.wfctl(&["build", "dag.c"])
    };
    for (body, code, said_of_it) in [
        (
            "weft_task(\"one\", one, NULL);",
            3,
            "is called before the first weft_dag",
        ),
        (
            "weft_dag(\"d\", \"[1]\"); weft_task(\"one\", one, NULL);",
            3,
            "settings of the DAG \"d\" are no JSON object",
        ),
        (
            "weft_dag(\"d\", NULL); weft_task(\"one\", one, NULL); weft_dag(\"e\", NULL); weft_task(\"one\", two, NULL);",
            3,
            "two functions are called \"one\"",
        ),
        ("(void)one;", 3, "WEFT_DAGS names no DAG"),
        (
            "weft_dag(\"d\", NULL); weft_task(\"one\", one, WEFT_JSON({\"retris\": 3}));",
            3,
            "retries",
        ),
        (
            "weft_dag(\"d\", NULL); weft_task(\"one\", one, WEFT_JSON({\"inputs\": {\"n\": \"absent\"}}));",
            3,
            "absent",
        ),
    ] {
        let said = main(body).exits(code);
        assert!(said.stderr.contains(said_of_it), "{body}: {}", said.stderr);
    }
}
