//! DAGs in Python, from source to result: what `wfctl build` makes of them, what
//! a task may do, and what is said where something is wrong.
//!
//! Needs Python 3.10 with its package index in reach. What is installed stays in
//! the target folder, so that only the first run of these tests waits for it.

use crate::{
    example,
    home::{Home, Said, said},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
};
use tempfile::TempDir;
use weft_tests::{guests, program};

/// Making and compiling Python takes both cores of a small machine for ten seconds, and the
/// compiler's time is limited: one at a time is as fast, and none runs out of it.
static TURN: Mutex<()> = Mutex::new(());

/// An author's folder.
pub(crate) struct Author {
    home: Home,
    folder: TempDir,
    cache: PathBuf,
}

impl Author {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let author = Self {
            home: Home::new(),
            folder: tempfile::tempdir().expect("there is room for a folder"),
            cache: kept(),
        };
        author.write(files);
        author
    }

    pub(crate) fn write(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = self.path(name);
            fs::create_dir_all(path.parent().expect("a file is in a folder"))
                .expect("there is room for a folder");
            fs::write(path, text).expect("there is room for a file");
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `wfctl` in the folder, with the user's own environment, since pip and Python have settings there.
    pub(crate) fn wfctl(&self, args: &[&str]) -> Said {
        self.wfctl_by(&guests::path_with_compilers(), args)
    }

    /// The same, with programs of another path.
    pub(crate) fn wfctl_by(&self, path: &OsStr, args: &[&str]) -> Said {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        said(
            Command::new(program::wfctl())
                .args(args)
                .current_dir(self.folder.path())
                .env("WEFT_CACHE_DIR", &self.cache)
                .env("PATH", path)
                .env("WEFT_DATA_DIR", self.home.path("data"))
                .env("NO_COLOR", "1")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("wfctl starts"),
        )
    }

    /// A run of what was built, by its events.
    pub(crate) fn run(&self, code: i32, args: &[&str]) -> Vec<Value> {
        let args = [&["run", "--output", "json"], args].concat();
        self.wfctl(&args).exits(code).events()
    }
}

/// Where the tools and packages stay from one test run to the next.
fn kept() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("python")
}

pub(crate) fn ended(events: &[Value]) -> &Value {
    let last = events.last().expect("there are events");
    assert_eq!(last["event"], "run_ended", "{last}");
    last
}

pub(crate) fn messages<'e>(events: &'e [Value], task: &str) -> Vec<&'e str> {
    events
        .iter()
        .filter(|event| event["event"] == "log" && event["task"] == task)
        .filter_map(|event| event["message"].as_str())
        .collect()
}

/// Every number to nine digits: libraries round differently.
pub(crate) fn rounded(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            json!(format!("{:.9e}", number.as_f64().expect("it is finite")))
        }
        Value::Array(items) => items.iter().map(rounded).collect(),
        Value::Object(parts) => parts
            .iter()
            .map(|(key, part)| (key.clone(), rounded(part)))
            .collect(),
        other => other.clone(),
    }
}

#[test]
fn the_example_gives_the_result_of_the_reference() {
    example::gives_the_result_of_the_reference("quakes-python");
}

const TASKS: &str = r#"
import json
import logging
import urllib.request

import requests
from weft import Artifact, Context, Defer, Fail, Skip, Variable, dag, task
from helpers.words import shout

log = logging.getLogger("mine")


@task
def logs(context: Context) -> str:
    log.info("a line with %d field", 1, extra={"colour": "red"})
    log.debug("not from debug on")
    print("printed")
    return shout(context.dag_id)


@task
def raises(text: str):
    def inner():
        return int(text)

    return inner()


@task
def misfits() -> list[int]:
    return [1, "two"]


@task
def unserialisable():
    return {"when": object()}


@task(retries=5)
def permanent():
    raise Fail("no use to try again")


@task
def skips():
    raise Skip("nothing to do")


@task
def defers(context: Context) -> int:
    seen = context.resumed or 0
    if seen < 2:
        raise Defer(after=0.01, state=seen + 1)
    return seen


@task
def imports_late() -> list:
    import argparse
    import colorsys
    import asyncio
    from importlib import resources

    async def three():
        await asyncio.sleep(0.001)
        return 3

    data = resources.files("helpers").joinpath("data.txt").read_text().strip()
    return [colorsys.__name__, asyncio.run(three()), data, argparse.ArgumentParser().prog]


@task
def random_numbers() -> float:
    import random

    return random.random()


@task
def no_threads():
    import threading

    threading.Thread(target=print).start()


@task
def writes() -> Artifact:
    with open("/tmp/scratch", "w") as file:
        file.write("from scratch")
    return Artifact.write(open("/tmp/scratch").read(), "text/plain")


@task
def reads(artifact: Artifact) -> str:
    return artifact.text()


@dag
def tasks():
    logs()
    raises("seven")
    misfits()
    unserialisable()
    permanent()
    skips()
    defers()
    imports_late()
    random_numbers()
    random_numbers()
    no_threads()
    reads(writes())


WEB = {"http": ["http://127.0.0.1"]}


@task
def by_urllib(base: str) -> list:
    with urllib.request.urlopen(urllib.request.Request(base + "/u?a=1", data=b"x" * 10_000)) as answer:
        return [answer.status, json.load(answer)]


@task
def by_requests(base: str) -> list:
    with requests.Session() as session:
        first = session.get(base + "/first").json()
        second = session.post(base + "/second", json={"a": 1})
    return [first, second.json()]


@task
def status(base: str):
    requests.get(base + "/missing").raise_for_status()


@task(retries=3)
def denied():
    urllib.request.urlopen("https://api.example.org/")


@task(retries=3)
def denied_variable():
    return Variable.get("secret")


@task(grants={"variables": ["name"]})
def variable() -> str:
    return Variable.get("name")


@dag
def web(base: str):
    for call in (by_urllib, by_requests, status):
        call.override(grants=WEB_GRANTS)(base)
    denied()
    denied_variable()
    variable()
"#;

/// Answers each request with what it was, as JSON, for as long as the process lives.
pub(crate) fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away is a test that fails by itself.
            let _gone = answer(stream);
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let path = first.split(' ').nth(1).unwrap_or_default();
    let status = if path == "/missing" {
        "404 Not Found"
    } else {
        "200 OK"
    };
    let text = json!({ "path": path, "bytes": length }).to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    )
}

/// One component with several DAGs, a package and a module of the author's.
fn tasks(base: &str) -> Author {
    let host = base.to_owned();
    let module = TASKS.replace("WEB_GRANTS", &format!("{{'http': ['{host}']}}"));
    let author = Author::new(&[
        ("dags/tasks.py", &module),
        ("dags/helpers/__init__.py", ""),
        (
            "dags/helpers/words.py",
            "def shout(text):\n    return text.upper()\n",
        ),
        ("dags/helpers/data.txt", "beside the module\n"),
        ("requirements.txt", "requests==2.32.5\nweft-sdk\n"),
        (
            "policy.toml",
            &format!(
                "[http]\nallow = [\"{host}\"]\n[http.private]\n\"127.0.0.1\" = [\"127.0.0.1\"]\n[variables]\nallow = [\"name\"]\n"
            ),
        ),
    ]);
    let built = author.wfctl(&["build"]).exits(0);
    for dag in ["tasks  13 tasks", "web  6 tasks"] {
        assert!(built.stdout.contains(dag), "{}", built.stdout);
    }
    author
}

/// One component for both, since it takes a while to make.
#[test]
fn what_a_task_does_is_what_it_does_elsewhere_within_its_grants() {
    let base = server();
    let author = tasks(&base);
    tasks_behave(&author);
    grants_hold(&author, &base);
}

fn tasks_behave(author: &Author) {
    let events = author.run(1, &["--dag", "tasks"]);
    let run = &ended(&events)["tasks"];
    for (task, output) in [
        ("logs", json!("TASKS")),
        ("defers", json!(2)),
        (
            "imports_late",
            json!(["colorsys", 3, "beside the module", "imports_late"]),
        ),
        ("reads", json!("from scratch")),
    ] {
        assert_eq!(run[task]["output"], output, "{task}: {}", run[task]);
    }
    assert_ne!(
        run["random_numbers"]["output"], run["random_numbers__1"]["output"],
        "every instance has randomness of its own"
    );
    assert_eq!(run["skips"]["state"], "skipped");
    assert_eq!(run["permanent"]["attempts"], 1);

    assert_eq!(
        messages(&events, "logs"),
        ["a line with 1 field", "printed"]
    );
    let line = events
        .iter()
        .find(|event| event["message"] == "a line with 1 field")
        .expect("it was logged");
    assert_eq!(line["level"], "info");
    assert_eq!(line["fields"], json!({ "logger": "mine", "colour": "red" }));

    // The author's own file and lines, from the author's own function on.
    let trace = messages(&events, "raises").concat();
    let lines: Vec<&str> = trace.lines().collect();
    assert_eq!(lines[0], "Traceback (most recent call last):");
    assert!(
        lines[1].starts_with("  File \"dags/tasks.py\", line ") && lines[1].ends_with("in raises"),
        "{trace}"
    );
    assert!(lines.contains(&"    return int(text)"), "{trace}");
    for (task, words) in [
        (
            "raises",
            "ValueError: invalid literal for int() with base 10: 'seven'",
        ),
        ("misfits", "output[1]: expected int, got str 'two'"),
        ("misfits", "dags/tasks.py:"),
        ("unserialisable", "output.when: object <object object"),
        ("no_threads", "can't start new thread"),
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
        run["by_urllib"]["output"],
        json!([200, { "path": "/u?a=1", "bytes": 10_000 }]),
        "{}",
        run["by_urllib"]
    );
    assert_eq!(
        run["by_requests"]["output"],
        json!([{ "path": "/first", "bytes": 0 }, { "path": "/second", "bytes": 8 }]),
        "{}",
        run["by_requests"]
    );
    assert_eq!(run["variable"]["output"], "value");
    for (task, words) in [
        ("status", "404 Client Error"),
        ("denied", "@task(grants={'http': ['api.example.org']})"),
        ("denied_variable", "@task(grants={'variables': ['secret']})"),
    ] {
        let message = run[task]["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{task}: {message}");
    }
    assert_eq!(
        run["denied"]["attempts"], 1,
        "a missing grant is not retried"
    );
    assert_eq!(run["denied_variable"]["attempts"], 1);
}

#[test]
fn the_same_sources_give_the_same_file() {
    let source = "from weft import dag, task\n\n@task\ndef one() -> int:\n    return 1\n\n@dag\ndef same():\n    one()\n";
    let author = Author::new(&[("same.py", source)]);
    author.wfctl(&["build"]).exits(0);
    let first = fs::read(author.path("dag.wasm")).expect("it was built");
    let elsewhere = Author::new(&[("same.py", source)]);
    elsewhere.wfctl(&["build", "same.py"]).exits(0);
    let second = fs::read(elsewhere.path("dag.wasm")).expect("it was built");
    assert!(first == second, "the files differ");
    let left: Vec<_> = fs::read_dir(author.folder.path())
        .expect("the folder is there")
        .map(|entry| entry.expect("the entry is readable").file_name())
        .collect();
    assert_eq!(left.len(), 2, "only dag.wasm was added: {left:?}");
}

/// Its code is that of the version before.
#[test]
fn a_changed_line_changes_memory_alone() {
    let source = |value: &str| {
        format!(
            "import random\nfrom weft import dag, task\n\nBEFORE = random.random()\n\n@task\ndef one() -> list:\n    return [{value}, BEFORE, random.random()]\n\n@dag\ndef changed():\n    one()\n"
        )
    };
    let mut author = Author::new(&[]);
    // Code of its own, which no other test adds to; tools and bases as ever.
    let cache = TempDir::new().expect("there is room for a folder");
    symlink(kept().join("python"), cache.path().join("python")).expect("a link can be made");
    cache.path().clone_into(&mut author.cache);
    let mut seen = BTreeSet::new();
    let mut compiled = None;
    for value in ["1", "'two'"] {
        author.write(&[("changed.py", &source(value))]);
        author.wfctl(&["build"]).exits(0);
        for _ in 0..2 {
            let output = ended(&author.run(0, &[]))["tasks"]["one"]["output"].clone();
            assert_eq!(output[0].to_string(), value.replace('\'', "\""));
            seen.insert(output[1].to_string());
            assert!(seen.insert(output[2].to_string()), "drawn twice: {output}");
        }
        let code = code_files(cache.path());
        assert_eq!(
            *compiled.get_or_insert(code),
            code,
            "something was compiled"
        );
    }
    assert_eq!(
        seen.len(),
        2 + 4,
        "what a module draws is drawn once for each version: {seen:?}"
    );
}

/// How many files of compiled code a folder has.
fn code_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder)
        .expect("the folder can be read")
        .flatten();
    entries
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "code"))
        .count()
}

#[test]
fn a_new_project_builds_and_runs() {
    let author = Author::new(&[]);
    author
        .wfctl(&["new", "my-cities", "--lang", "python"])
        .exits(0);
    author.wfctl(&["build", "my-cities"]).exits(0);
    let events = author.run(0, &["my-cities", "--param", "title=Cities"]);
    assert_eq!(
        ended(&events)["tasks"]["report"]["output"],
        "Cities\nBerlin: 3.7 million\nTokyo: 14.2 million\nLagos: 15.9 million"
    );
    let refused = author
        .wfctl(&["new", "lambda", "--lang", "python"])
        .exits(2);
    assert!(
        refused.stderr.contains("a word of Python"),
        "{}",
        refused.stderr
    );
}

/// What is said where a build goes wrong: Python's own words, and what to do.
#[test]
fn builds_that_fail_say_why() {
    const DAG: &str = "from weft import dag, task\n\n@task\ndef one() -> int:\n    return 1\n";
    let cases: [(&str, &str, &[&str]); 5] = [
        (
            "def broken(:\n    pass\n",
            "",
            &[
                "File \"dags/dag.py\", line 1",
                "def broken(:",
                "SyntaxError: ",
            ],
        ),
        (
            "import airflow\n",
            "",
            &[
                "ModuleNotFoundError: No module named 'airflow'",
                "from weft import dag, task",
            ],
        ),
        (
            &format!("{DAG}\n@dag\ndef odd():\n    one(1)\n"),
            "",
            &[
                "File \"dags/dag.py\", line 9, in odd",
                "task one: too many positional arguments",
            ],
        ),
        (
            &format!(
                "{DAG}\n@task\ndef two(text: str): ...\n\n@dag\ndef typed():\n    two(one())\n"
            ),
            "",
            &["two", "text", "one"],
        ),
        (
            DAG,
            "markupsafe==3.0.2\n",
            &[
                "markupsafe==3.0.2 holds native code, and is not among the packages",
                "the sandbox can have markupsafe 3.",
            ],
        ),
    ];
    for (source, requirements, expected) in cases {
        let author = Author::new(&[("dags/dag.py", source), ("requirements.txt", requirements)]);
        let said = author.wfctl(&["build"]);
        assert!(
            matches!(said.code, Some(1 | 3)),
            "{source}: {:?}",
            said.code
        );
        for words in expected {
            assert!(
                said.stderr.contains(words),
                "{words:?} is missing in:\n{}",
                said.stderr
            );
        }
        assert!(
            !said.stderr.contains("weft/guest"),
            "only the author's files:\n{}",
            said.stderr
        );
        assert!(!author.path("dag.wasm").exists(), "{source}");
    }
}

const ELEMENTS: &str = r#"
from weft import Skip, dag, task


@task
def rows() -> list[dict]:
    return [
        {"id": 1, "name": "a", "new": True},
        {"id": 2, "new": True},
        {"id": 3, "name": "c", "new": False},
    ]


@task
def load(id: int, name: str = "nameless", day: int = 0):
    return f"{id} {name} {day}"


@task
def double(number: int):
    return number * 2


def odd(row):
    if row["id"] % 2 == 0:
        raise Skip("it is even")
    return row["id"]


@dag(owners=["data"], concurrency_key="{{ params.region }}", max_active_runs_per_key=2)
def elements(region: str = "north"):
    found = rows()
    load.partial(day=7).expand_kwargs(found.each.filter("new"))
    double.expand(number=found.each["id"])
    double.override(task_id="odd_ones").expand(number=found.map(odd))
"#;

#[test]
fn elements_are_taken_apart_filtered_and_changed() {
    let author = Author::new(&[("dags/elements.py", ELEMENTS)]);
    author.wfctl(&["build"]).exits(0);
    let events = author.run(0, &[]);
    let outputs = |task: &str| -> Value {
        let instances = &ended(&events)["tasks"][task]["instances"];
        let instances = instances.as_array().expect("it is mapped").iter();
        let succeeded = instances.filter(|instance| instance["state"] == "success");
        succeeded
            .map(|instance| instance["output"].clone())
            .collect()
    };
    assert_eq!(outputs("load"), json!(["1 a 7", "2 nameless 7"]));
    assert_eq!(outputs("double"), json!([2, 4, 6]));
    assert_eq!(outputs("odd_ones"), json!([2, 6]));
}
