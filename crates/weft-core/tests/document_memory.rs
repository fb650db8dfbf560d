//! The memory that the worst documents take while they are read, as the kernel
//! counts it: a component that describes itself must not make its host pay more
//! than it may use itself, and 64 MiB.
//!
//! One test, so that nothing else of this process is counted with it.

use std::{fmt::Write as _, fs};
use weft_core::document::{DocumentError, Format, MAX_DOCUMENT_BYTES, Source, parse};

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

fn constant(list: &str) -> String {
    task(&format!(r#""inputs":{{"x":{{"value":[{list}]}}}}"#))
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

fn read(text: &str) -> Result<usize, DocumentError> {
    let source = Source {
        name: "describe",
        text,
        format: Format::Json,
    };
    parse(source).map(|document| document.dags[0].tasks.len())
}

#[test]
fn the_worst_documents_stay_within_their_memory() {
    let before = resident("VmRSS:");
    let check = |what: &str, text: String| {
        fs::write("/proc/self/clear_refs", "5").expect("a process may reset its own peak");
        let read = read(&text);
        let peak = resident("VmHWM:").saturating_sub(before);
        println!(
            "{:>4} MiB of memory, {:>2} MiB of text, {}: {what}",
            peak >> 20,
            text.len() >> 20,
            if read.is_ok() { "read" } else { "refused" }
        );
        assert!(
            peak <= ALLOWED_BYTES,
            "{what} took {} MiB: {read:?}",
            peak >> 20
        );
        read
    };
    let all = usize::MAX;
    let read = check("100,000 typed tasks", typed(100_000));
    assert_eq!(read.expect("it fits"), 100_000);
    check("typed tasks", typed(all)).expect_err("they are too many");
    for (what, text) in [
        ("numbers", constant(&many(all, |_| "1".into()))),
        ("numbers that fit", constant(&many(3_500_000, |_| "1".into()))),
        ("empty tables", constant(&many(all, |_| "{}".into()))),
        ("lists of one number", constant(&many(all, |_| "[1]".into()))),
        ("many lists of one number", constant(&many(1_400_000, |_| "[1]".into()))),
        ("tables of one field", constant(&many(all, |_| r#"{"a":1}"#.into()))),
        ("a few tables of one field", constant(&many(280_000, |_| r#"{"a":1}"#.into()))),
        ("tables in tables", constant(&many(all, |_| format!("{}1{}", r#"{"a":"#.repeat(50), "}".repeat(50))))),
        ("some tables in tables", constant(&many(6_000, |_| format!("{}1{}", r#"{"a":"#.repeat(50), "}".repeat(50))))),
        ("texts", constant(&many(all, |_| r#""x""#.into()))),
        ("texts with escapes", constant(&many(all, |_| r#""\n""#.into()))),
        ("one long text", task(&format!(r#""description":"{}""#, "x".repeat(MAX_DOCUMENT_BYTES - 1_000)))),
        ("fields", task(&format!(r#""inputs":{{"x":{{"value":{{{}}}}}}}"#, many(all, |n| format!(r#""{n:x}":1"#))))),
        ("unknown fields", task(&many(1_000_000, |n| format!(r#""u{n:x}":1"#)))),
        ("unknown upstreams", task(&format!(r#""after":[{}]"#, many(all, |_| r#""u""#.into())))),
        ("inputs", document(&format!(r#""tasks":{{"u":{{}},"t":{{"inputs":{{{}}}}}}}"#, many(all, |n| format!(r#""i{n:x}":"u""#))))),
        ("schemas", task(&format!(r#""types":{{"inputs":{{{}}}}}"#, many(all, |n| format!(r#""i{n:x}":{{"maximum":{n}}}"#))))),
        ("parameters", document(&format!(r#""params":{{{}}},"tasks":{{"t":{{}}}}"#, many(all, |n| format!(r#""p{n:x}":1"#))))),
        ("a schema of a parameter", document(&format!(r#""params":{{"p":{{"schema":{{"properties":{{{}}}}}}}}},"tasks":{{"t":{{}}}}"#, many(100_000, |n| format!(r#""p{n:x}":{{"type":"integer"}}"#))))),
        ("tasks", document(&format!(r#""tasks":{{{}}}"#, many(240_000, |n| format!(r#""{n:x}":{{}}"#))))),
        ("DAGs", format!(r#"{{"contract":"weft.dag/1","dags":[{}]}}"#, many(10_000, |n| format!(r#"{{"id":"d{n}","tasks":{{"t":{{}}}}}}"#)))),
        ("arguments", task(&format!(r#""program":"p.wasm","args":[{}]"#, many(all, |_| r#""""#.into())))),
        ("variables", task(&format!(r#""grants":{{"variables":[{}]}}"#, many(all, |n| format!(r#""{n:x}""#))))),
        ("line breaks", "\n".repeat(MAX_DOCUMENT_BYTES - 1)),
    ] {
        // Whether it is read or refused is not this test's matter.
        match check(what, text) {
            Ok(_) | Err(_) => {}
        }
    }
}
