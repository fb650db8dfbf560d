//! A DAG of 100,000 tasks that do nothing, and don't wait for one another.

wit_bindgen::generate!({
    path: "../../../wit/weft.wit",
    world: "dag",
    generate_all,
});

use exports::weft::dag::tasks::{Failure, Guest, Outcome};
use std::fmt::Write as _;

const TASKS: usize = 100_000;

struct HundredThousand;

impl Guest for HundredThousand {
    fn describe() -> Result<String, String> {
        let mut document =
            String::from(r#"{"contract":"weft.dag/1","dags":[{"id":"hundred_thousand","tasks":{"#);
        for number in 0..TASKS {
            let comma = if number == 0 { "" } else { "," };
            write!(document, r#"{comma}"t{number:05}":{{"task":"noop"}}"#)
                .expect("writing to a text can't fail");
        }
        document.push_str("}}]}");
        Ok(document)
    }

    fn run(task: String, _inputs: Vec<(String, String)>) -> Result<Outcome, Failure> {
        if task == "noop" {
            return Ok(Outcome::Success("null".to_owned()));
        }
        Err(Failure {
            retryable: false,
            message: "there is no such task".to_owned(),
            more: None,
        })
    }
}

export!(HundredThousand);
