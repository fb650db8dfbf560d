//! The memory that the worst documents take while they are read, as the kernel
//! counts it: a component that describes itself must not make its host pay more
//! than it may use itself, and 64 MiB.
//!
//! Each document is read in a process of its own, by this program started again
//! with the document's name: what others leave behind is not counted with it.

use std::{env, fmt::Write as _, fs, process::Command};
use weft_core::document::{Format, MAX_DOCUMENT_BYTES, Source, parse};

/// Names the document that the second process reads.
const MARK: &str = "WEFT_TEST_DOCUMENT";

/// A component's own memory while it describes itself, by default, and 64 MiB.
const ALLOWED_BYTES: u64 = (256 + 64) << 20;

/// What the kernel says of this process, in bytes: `VmRSS:` now, `VmHWM:` at most.
fn resident(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status.lines().find(|line| line.starts_with(field));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.expect("the kernel reports memory in kB") * 1024
}

/// A list, or the fields of a table, until the text is as long as it may be or has so many.
fn many(most: usize, item: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for n in 0..most {
        if text.len() > MAX_DOCUMENT_BYTES - 1_000 {
            break;
        }
        if n > 0 {
            text.push(',');
        }
        text += &item(n);
    }
    text
}

fn document(dag: &str) -> String {
    format!(r#"{{"contract":"weft.dag/1","dags":[{{"id":"d",{dag}}}]}}"#)
}

fn task(fields: &str) -> String {
    document(&format!(r#""tasks":{{"t":{{{fields}}}}}"#))
}

/// As an SDK describes it: types on every edge, two upstreams a task.
fn typed(tasks: usize) -> String {
    let tasks = many(tasks, |n| {
        let mut text = format!(r#""task_{n}":{{"task":"work","retries":3,"retry_delay":"30s""#);
        if n > 1 {
            let (before, half) = (n - 1, n / 2);
            write!(
                text,
                r#","inputs":{{"x":"task_{before}","y":{{"task":"task_{half}"}}}},"types":{{"inputs":{{"x":{{"type":"integer"}},"y":{{"type":"integer"}}}},"output":{{"type":"integer","format":"int64"}}}}"#
            )
            .expect("a String takes every text");
        }
        text + "}"
    });
    document(&format!(r#""tasks":{{{tasks}}}"#))
}

/// Documents by name.
type Cases = Vec<(&'static str, Box<dyn Fn() -> String>)>;

fn cases() -> Cases {
    let all = usize::MAX;
    let mut cases: Cases = vec![
        (FITS, Box::new(|| typed(100_000))),
        ("more typed tasks", Box::new(move || typed(all))),
        (
            "line breaks",
            Box::new(|| "\n".repeat(MAX_DOCUMENT_BYTES - 1)),
        ),
        ("one long text", {
            let text = || "x".repeat(MAX_DOCUMENT_BYTES - 1_000);
            Box::new(move || task(&format!(r#""description":"{}""#, text())))
        }),
        ("tasks", {
            let tasks = || many(240_000, |n| format!(r#""{n:x}":{{}}"#));
            Box::new(move || document(&format!(r#""tasks":{{{}}}"#, tasks())))
        }),
        ("DAGs", {
            let dags = || {
                many(10_000, |n| {
                    format!(r#"{{"id":"d{n}","tasks":{{"t":{{}}}}}}"#)
                })
            };
            Box::new(move || format!(r#"{{"contract":"weft.dag/1","dags":[{}]}}"#, dags()))
        }),
        ("a large schema of a parameter", {
            let fields = || many(80_000, |n| format!(r#""p{n:x}":{{"type":"integer"}}"#));
            Box::new(move || {
                let schema = format!(r#"{{"properties":{{{}}}}}"#, fields());
                document(&format!(
                    r#""params":{{"p":{{"schema":{schema}}}}},"tasks":{{"t":{{}}}}"#
                ))
            })
        }),
        ("different schemas", {
            let schemas = move || many(all, |n| format!(r#""i{n:x}":{{"maximum":{n}}}"#));
            Box::new(move || task(&format!(r#""types":{{"inputs":{{{}}}}}"#, schemas())))
        }),
    ];
    // The items of a list in a constant.
    for (what, most, item) in [
        ("numbers", all, "1"),
        ("numbers that fit", 3_500_000, "1"),
        ("empty tables", all, "{}"),
        ("lists of one number", all, "[1]"),
        ("many lists of one number", 1_400_000, "[1]"),
        ("tables of one field", all, r#"{"a":1}"#),
        ("some tables of one field", 280_000, r#"{"a":1}"#),
        ("tables in tables", all, NESTED),
        ("some tables in tables", 20_000, NESTED),
        ("texts", all, r#""x""#),
        ("texts with escapes", all, r#""\n""#),
    ] {
        let list = move || many(most, |_| item.to_owned());
        let text = move || task(&format!(r#""inputs":{{"x":{{"value":[{}]}}}}"#, list()));
        cases.push((what, Box::new(text)));
    }
    // Texts, or keys with something behind them, each another one.
    for (what, before, item, after) in [
        ("fields", r#""inputs":{"x":{"value":{"#, ":1", "}}}"),
        ("variables", r#""grants":{"variables":["#, "", "]}"),
        ("unknown fields", r#""description":"x","#, ":1", ""),
        ("unknown upstreams", r#""after":["#, "", "]"),
        ("arguments", r#""program":"p.wasm","args":["#, "", "]"),
        ("inputs", r#""inputs":{"#, r#":{"value":1}"#, "}"),
        (
            "equal schemas",
            r#""types":{"inputs":{"#,
            r#":{"maximum":1}"#,
            "}}",
        ),
    ] {
        let items = move || many(all, |n| format!(r#""i{n:x}"{item}"#));
        let text = move || task(&format!("{before}{}{after}", items()));
        cases.push((what, Box::new(text)));
    }
    for (what, item) in [
        ("parameters", "1"),
        (
            "parameters with schemas",
            r#"{"schema":{"type":"integer"}}"#,
        ),
    ] {
        let params = move || many(all, |n| format!(r#""p{n:x}":{item}"#));
        let text = move || {
            document(&format!(
                r#""params":{{{}}},"tasks":{{"t":{{}}}}"#,
                params()
            ))
        };
        cases.push((what, Box::new(text)));
    }
    cases
}

/// The document that must still be read.
const FITS: &str = "100,000 typed tasks";
/// Tables in tables.
const NESTED: &str = r#"{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}}}}"#;

/// Reads one document, and holds its peak to what is allowed.
fn measure(what: &str, text: &str) {
    let before = resident("VmRSS:").saturating_sub(text.len() as u64);
    fs::write("/proc/self/clear_refs", "5").expect("a process may reset its own peak");
    let read = parse(Source {
        name: "describe",
        text,
        format: Format::Json,
    });
    let peak = resident("VmHWM:").saturating_sub(before);
    println!(
        "{:>4} MiB with {:>2} MiB of text, {}: {what}",
        peak >> 20,
        text.len() >> 20,
        if read.is_ok() { "read" } else { "refused" }
    );
    assert!(peak <= ALLOWED_BYTES, "{what} took {} MiB", peak >> 20);
    match read {
        Ok(document) if what == FITS => assert_eq!(document.dags[0].tasks.len(), 100_000),
        Err(error) if what == FITS => panic!("it does not fit: {error}"),
        // Whether the others are read or refused is not this test's matter.
        Ok(_) | Err(_) => {}
    }
}

#[test]
fn the_worst_documents_stay_within_their_memory() {
    let cases = cases();
    if let Ok(wanted) = env::var(MARK) {
        let (what, text) = cases
            .iter()
            .find(|(what, _)| *what == wanted)
            .expect("the first process names one of them");
        return measure(what, &text());
    }
    let program = env::current_exe().expect("a running program has a path");
    for (what, _) in cases {
        let output = Command::new(&program)
            .args([
                "the_worst_documents_stay_within_their_memory",
                "--exact",
                "--nocapture",
            ])
            .env(MARK, what)
            .output()
            .expect("this program can be started again");
        let said = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what}:\n{said}\n{stderr}");
        assert!(said.contains("1 passed"), "{what} was not read:\n{said}");
        said.lines()
            .filter(|line| line.contains("MiB with"))
            .for_each(|line| println!("{line}"));
    }
}
