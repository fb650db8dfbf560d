//! The flows that other engines are measured with: W1, W2, W3 and W4, and a single task.
//!
//! Each is one DAG of this component. A task does what its name says and
//! nothing else, so that a figure minus the computing is the engine's own cost.

wit_bindgen::generate!({
    path: "../../../wit/weft.wit",
    world: "dag",
    generate_all,
});

use exports::weft::dag::tasks::{Failure, Guest, Outcome};
use std::{fmt::Write as _, hint::black_box, time::Duration};

struct Flows;

impl Guest for Flows {
    fn describe() -> Result<String, String> {
        let dags = [
            chain("w1", 40, 10),
            chain("w2", 10, 33),
            fan_out("w3", 1000),
            independent("w4", 20_000),
            independent("single", 1),
            naps("naps", 3_000),
            naps("many_naps", 20_000),
        ];
        Ok(format!(
            r#"{{"contract":"weft.dag/1","dags":[{}]}}"#,
            dags.join(",")
        ))
    }

    fn run(task: String, inputs: Vec<(String, String)>) -> Result<Outcome, Failure> {
        let input = |name: &str| {
            inputs
                .iter()
                .find(|(input, _)| input == name)
                .map(|(_, json)| json.trim())
        };
        let number = |name: &str| input(name).and_then(|json| json.parse::<u32>().ok());
        let output = match task.as_str() {
            "fib" => fib(black_box(
                number("n").ok_or_else(|| failure("'n' is not a number"))?,
            ))
            .to_string(),
            "numbers" => {
                numbers(number("count").ok_or_else(|| failure("'count' is not a number"))?)
            }
            "double" => {
                (2 * number("n").ok_or_else(|| failure("'n' is not a number"))?).to_string()
            }
            "nap" => {
                std::thread::sleep(NAP);
                "null".to_owned()
            }
            "noop" => "null".to_owned(),
            "sum" => sum(input("numbers").unwrap_or_default()).to_string(),
            _ => return Err(failure("there is no such task")),
        };
        Ok(Outcome::Success(output))
    }
}

/// `length` tasks in a row, each of which computes fib(`n`).
fn chain(dag: &str, length: usize, n: u32) -> String {
    let mut tasks = String::new();
    for number in 1..=length {
        let previous = if number == 1 {
            String::new()
        } else {
            format!(r#","after":["fib_{}"]"#, number - 1)
        };
        let comma = if number == 1 { "" } else { "," };
        write!(
            tasks,
            r#"{comma}"fib_{number}":{{"task":"fib","inputs":{{"n":{{"value":{n}}}}}{previous}}}"#
        )
        .expect("writing to a text can't fail");
    }
    format!(r#"{{"id":"{dag}","tasks":{{{tasks}}}}}"#)
}

/// `count` tasks that do nothing, and don't wait for one another.
fn independent(dag: &str, count: usize) -> String {
    let tasks: Vec<String> = (1..=count)
        .map(|number| format!(r#""t{number:05}":{{"task":"noop"}}"#))
        .collect();
    format!(r#"{{"id":"{dag}","tasks":{{{}}}}}"#, tasks.join(","))
}

/// How long a nap takes.
const NAP: Duration = Duration::from_millis(100);

/// `count` naps, one for each of as many numbers.
fn naps(dag: &str, count: u32) -> String {
    format!(
        r#"{{"id":"{dag}","tasks":{{
            "numbers":{{"inputs":{{"count":{{"value":{count}}}}}}},
            "nap":{{"expand":{{"n":"numbers"}}}}}}}}"#
    )
}

/// One task that lists `count` numbers, one mapped over each, and one over all of theirs.
fn fan_out(dag: &str, count: u32) -> String {
    format!(
        r#"{{"id":"{dag}","tasks":{{
            "numbers":{{"inputs":{{"count":{{"value":{count}}}}}}},
            "double":{{"expand":{{"n":"numbers"}}}},
            "sum":{{"inputs":{{"numbers":"double"}}}}}}}}"#
    )
}

fn fib(n: u32) -> u64 {
    if n < 2 {
        n.into()
    } else {
        fib(n - 1) + fib(n - 2)
    }
}

fn numbers(count: u32) -> String {
    let numbers: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    format!("[{}]", numbers.join(","))
}

/// Of a JSON list of numbers.
fn sum(list: &str) -> u64 {
    let inner = list.trim_start_matches('[').trim_end_matches(']');
    inner
        .split(',')
        .filter_map(|number| number.trim().parse::<u64>().ok())
        .sum()
}

fn failure(message: &str) -> Failure {
    Failure {
        retryable: false,
        message: message.to_owned(),
        more: None,
    }
}

export!(Flows);
