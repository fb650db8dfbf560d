//! Calls as the client of a released version makes them, with what it was answered.
//!
//! They are recorded by a server between `wfctl` and `wfctl up`, and made again to the
//! program of today. Its answers may say more, and other things where an installation
//! is another one; but each field that was answered once has to be there, and
//! of the same type.

use super::{NIGHTLY, component, dump, fixtures};
use crate::{
    api::{Answer, Api},
    installation::{Installation, Up, busy},
    patience::comes_about,
};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

/// What a component's bytes stand as, where they are a call's body.
const COMPONENT: &str = "contract-0.1.0/dag.wasm";

/// The commands; a line that begins with `-` is not recorded.
const SCRIPT: &[&str] = &[
    "policy set policy.toml",
    "policy show",
    "variables set region @region",
    "variables list",
    "connections set api --at https://api.example.org --bearer @region",
    "connections list",
    "pools set one 3",
    "pools list",
    "deploy tasks.wasm --dry-run",
    "deploy tasks.wasm",
    "deploy tasks.wasm",
    "dags list",
    "dags show plain",
    "dags versions plain",
    "runs trigger plain --logical-date 2026-01-01T00:00:00Z",
    "- runs watch latest",
    "runs list",
    "runs list --dag plain --state success",
    "runs show latest",
    "tasks list latest",
    "tasks list latest --task fib",
    "tasks show latest fib",
    "tasks why latest fib",
    "logs latest log",
    "outputs get latest fib",
    "runs clear latest --task fib --downstream",
    "- runs watch latest",
    "runs mark latest echo failed",
    "dags pause plain",
    "runs trigger plain",
    "runs cancel latest",
    "deploy nightly --paused",
    "backfill nightly --from 2026-01-01 --to 2026-01-02 --dry-run",
    "backfill nightly --from 2026-01-01 --to 2026-01-02",
    "dags unpause plain",
    "dags activate plain 1",
    "tokens create reader --role viewer --expires-in 90d",
    "tokens list",
    "tokens revoke 2 --yes",
    "workers list",
    "queues",
    "audit list",
    "variables delete region --yes",
    "connections delete api --yes",
    "pools delete one --yes",
];

/// An installation with the files that the commands name.
fn beginning() -> (Installation, Up) {
    let here = Installation::new();
    let work = here.path("work");
    let policy = "[variables]\nallow = [\"region\"]\n";
    fs::write(work.join("policy.toml"), policy).expect("there is room");
    fs::write(work.join("region"), "north").expect("there is room");
    fs::copy(component(), work.join("tasks.wasm")).expect("there is room");
    fs::create_dir(work.join("nightly")).expect("there is room");
    fs::write(work.join("nightly/busy.wasm"), busy()).expect("there is room");
    fs::write(work.join("nightly/dag.toml"), NIGHTLY).expect("there is room");
    let up = here.up();
    (here, up)
}

/// Makes every call with the client of today, and writes down what was asked and answered.
pub(super) fn record(file: &Path) {
    let (here, up) = beginning();
    let recorder = Recorder::before(up.api());
    for line in SCRIPT {
        let (url, line) = match line.strip_prefix("- ") {
            Some(line) => (up.url(), line),
            None => (recorder.url.as_str(), *line),
        };
        let args: Vec<&str> = line.split(' ').collect();
        let output = here
            .command(&args)
            .args(["--url", url, "--token-file"])
            .arg(here.path("data/admin.token"))
            .output()
            .expect("wfctl starts");
        assert!(output.status.success(), "{line}: {output:?}");
    }
    let calls = recorder.calls.lock().expect("no thread panics with it");
    let lines: Vec<String> = calls.iter().map(Value::to_string).collect();
    fs::write(file, lines.join("\n") + "\n").expect("there is room");
}

/// Answers as the server behind it does, and keeps what was said.
struct Recorder {
    url: String,
    calls: Arc<Mutex<Vec<Value>>>,
}

impl Recorder {
    fn before(api: Api) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let calls = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&calls);
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let call = pass(&stream.expect("somebody connects"), &api);
                kept.lock().expect("no thread panics with it").push(call);
            }
        });
        Self {
            url: format!("http://{address}"),
            calls,
        }
    }
}

/// Brings one call to the server and its answer back; what was said.
fn pass(mut stream: &TcpStream, api: &Api) -> Value {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a client asks");
        if line.trim_end().is_empty() {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let mut first = head[0].split(' ');
    let mut word = || first.next().expect("a method and a path").to_owned();
    let (method, path) = (word(), word());
    let path = path.strip_prefix("/api/v1").expect("below the API");
    let field = |name: &str| {
        head[1..].iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let length = field("content-length").map_or(0, |length| length.parse().expect("a number"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a client asks");
    let headers: Map<String, Value> = ["accept", "content-type", "idempotency-key"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), field(name)?.into())))
        .collect();
    let answer = ask(api, &method, path, &headers, &body);
    let kind = answer.header("content-type").unwrap_or("text/plain");
    let text = format!(
        "HTTP/1.1 {} Answered\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.status,
        answer.body.len()
    );
    stream.write_all(text.as_bytes()).expect("it listens");
    stream.write_all(&answer.body).expect("it listens");
    let is_component = fs::read(component()).expect("it is there") == body;
    let body = match String::from_utf8(body) {
        Ok(text) => json!({ "text": text }),
        Err(_bytes) if is_component => json!({ "file": COMPONENT }),
        Err(bytes) => json!({ "bytes": bytes.into_bytes() }),
    };
    json!({
        "method": method, "path": path, "headers": headers, "body": body,
        "status": answer.status, "answer": content(&answer),
    })
}

fn ask(api: &Api, method: &str, path: &str, headers: &Map<String, Value>, body: &[u8]) -> Answer {
    let headers: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.as_str().expect("a text")))
        .collect();
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    api.ask(method, path, &headers, body).expect("it answers")
}

/// What was answered: one value of JSON, a list of them, or nothing.
fn content(answer: &Answer) -> Value {
    let lines: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&answer.body)
        .into_iter()
        .collect();
    match lines.map(|mut lines| (lines.len(), lines.pop())) {
        Ok((1, Some(value))) => value,
        Ok((0, _)) => Value::Null,
        _ => Value::String(String::from_utf8_lossy(&answer.body).into_owned()),
    }
}

/// A call's body as it was sent.
fn body(kept: &Value) -> Vec<u8> {
    if let Some(file) = kept["file"].as_str() {
        return fs::read(fixtures().join(file)).expect("it is there");
    }
    if let Some(text) = kept["text"].as_str() {
        return text.as_bytes().to_vec();
    }
    let bytes = kept["bytes"].as_array().expect("a list of bytes");
    let byte = |byte: &Value| u8::try_from(byte.as_u64()?).ok();
    bytes
        .iter()
        .map(|kept| byte(kept).expect("a byte"))
        .collect()
}

/// Makes the calls to the program of today, in order.
pub(super) fn replay(file: &Path) {
    let (_here, up) = beginning();
    let mut names = Names::default();
    for call in dump::lines(file) {
        let text = |field: &str| call[field].as_str().expect("a text");
        let path = names.translated(text("path"));
        let body = body(&call["body"]);
        let headers = call["headers"].as_object().expect("header fields");
        let mut lacks = None;
        let mut is_answered = || {
            let answer = ask(&up.api(), text("method"), &path, headers, &body);
            let said = content(&answer);
            lacks = if call["status"] == answer.status {
                difference("", &call["answer"], &said).err()
            } else {
                Some(format!("the status {}", answer.status))
            };
            if lacks.is_none() {
                names.learn(&call["answer"], &said);
            }
            lacks.is_none()
        };
        // What a run comes to takes its time; what changes something is said once.
        if text("method") == "GET" {
            comes_about(is_answered);
        } else {
            is_answered();
        }
        if let Some(lacks) = lacks {
            panic!("{} {path}: {lacks}; once it was {call}", text("method"));
        }
    }
}

/// What is called otherwise in this installation than in that one: runs, digests, secrets.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn learn(&mut self, once: &Value, today: &Value) {
        match (once, today) {
            (Value::Object(once), Value::Object(today)) => {
                for (name, once) in once {
                    if let Some(today) = today.get(name) {
                        self.learn(once, today);
                    }
                }
            }
            (Value::Array(once), Value::Array(today)) => {
                for (once, today) in once.iter().zip(today) {
                    self.learn(once, today);
                }
            }
            (Value::String(once), Value::String(today)) => {
                let named = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if once.len() >= 13 && once != today && named(once) && named(today) {
                    self.0.entry(once.clone()).or_insert_with(|| today.clone());
                }
            }
            _ => {}
        }
    }

    fn translated(&self, path: &str) -> String {
        let mut path = path.to_owned();
        for (once, today) in &self.0 {
            path = path.replace(once, today);
        }
        path
    }
}

/// Why a client that expects the one can't read the other. Where either is null, no client can
/// tell; a list has one item at least where it had any.
fn difference(place: &str, once: &Value, today: &Value) -> Result<(), String> {
    match (once, today) {
        (Value::Null, _)
        | (_, Value::Null)
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_)) => Ok(()),
        (Value::Object(once), Value::Object(today)) => {
            for (name, once) in once {
                let place = format!("{place}/{name}");
                let Some(today) = today.get(name) else {
                    return Err(format!("{place} is missing"));
                };
                difference(&place, once, today)?;
            }
            Ok(())
        }
        (Value::Array(once), Value::Array(today)) => {
            if today.is_empty() && !once.is_empty() {
                return Err(format!("{place} is empty"));
            }
            let pairs = once.iter().zip(today).enumerate();
            for (number, (once, today)) in pairs {
                difference(&format!("{place}/{number}"), once, today)?;
            }
            Ok(())
        }
        (once, today) => Err(format!("{place} is {today}, and was {once}")),
    }
}

#[test]
fn what_a_client_would_miss_is_reported() {
    let once = json!({ "id": "a", "tasks": [{ "name": "x", "took": 3 }], "ended": null });
    for (today, expected) in [
        (
            json!({ "id": "b", "tasks": [{ "name": "y", "took": 1, "more": 1 }], "ended": 5, "of_the_future": 1 }),
            None,
        ),
        (
            json!({ "id": "b", "tasks": [], "ended": 5 }),
            Some("/tasks is empty"),
        ),
        (
            json!({ "id": "b", "tasks": [{ "name": "y" }], "ended": 5 }),
            Some("/tasks/0/took is missing"),
        ),
        (
            json!({ "id": 7, "tasks": [{ "name": "y", "took": 1 }], "ended": 5 }),
            Some("/id is 7, and was \"a\""),
        ),
    ] {
        assert_eq!(difference("", &once, &today).err().as_deref(), expected);
    }
}
