//! How long a document of 100,000 tasks takes to be read and validated, and
//! how much it grows with twice as many.
//!
//! Prints one JSON line; run it with `cargo bench -p weft-core --bench document`.

use std::{fmt::Write as _, time::Instant};
use weft_core::document::{Format, Source, parse};

const RUNS: usize = 11;

/// As an SDK describes it: types on every edge, two upstreams a task.
fn document(tasks: usize) -> String {
    let mut text = String::from(r#"{"contract":"weft.dag/1","dags":[{"id":"big","tasks":{"#);
    for n in 0..tasks {
        if n > 0 {
            text.push(',');
        }
        write!(
            text,
            r#""task_{n}":{{"task":"work","retries":3,"retry_delay":"30s""#
        )
        .expect("a String takes every text");
        if n > 1 {
            write!(
                text,
                r#","inputs":{{"x":"task_{}","y":{{"task":"task_{}"}}}}"#,
                n - 1,
                n / 2
            )
            .expect("a String takes every text");
            text.push_str(r#","types":{"inputs":{"x":{"type":"integer"},"y":{"type":"integer"}},"output":{"type":"integer","format":"int64"}}"#);
        }
        text.push('}');
    }
    text.push_str("}}]}");
    text
}

fn median_ms(tasks: usize) -> f64 {
    let text = document(tasks);
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let document = parse(Source {
                name: "bench",
                text: &text,
                format: Format::Json,
            })
            .expect("the document is good");
            let took = start.elapsed().as_secs_f64() * 1_000.0;
            assert_eq!(document.dags[0].tasks.len(), tasks);
            took
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

fn main() {
    let (half, whole) = (median_ms(50_000), median_ms(100_000));
    println!(
        r#"{{"figure":"core: a document of 50,000 tasks, read and validated","unit":"ms","median":{half:.1}}}"#
    );
    println!(
        r#"{{"figure":"core: a document of 100,000 tasks, read and validated","unit":"ms","median":{whole:.1},"target":500}}"#
    );
}
