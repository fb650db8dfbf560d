//! Tasks that wait for an event or for an hour, and a thousand DAGs whose runs an asset creates.

wit_bindgen::generate!({
    path: "../../../wit/weft.wit",
    world: "dag",
    generate_all,
});

use exports::weft::dag::tasks::{Failure, Guest, Outcome};
use weft::dag::context;

/// The events of `events`, each for one instance.
const EVENTS: u32 = 200;
/// The instances of `deferred`, and of `ended`.
const INSTANCES: u32 = 100_000;
/// The DAGs whose runs the asset `bench` creates.
const DAGS_OF_ASSET: u32 = 1_000;

struct Waits;

impl Guest for Waits {
    fn describe() -> Result<String, String> {
        let mut dags = vec![
            mapped("events", "wait", EVENTS),
            mapped("deferred", "hold", INSTANCES),
            mapped("ended", "noop", INSTANCES),
            r#"{"id":"single","tasks":{"noop":{}}}"#.to_owned(),
        ];
        dags.extend((0..DAGS_OF_ASSET).map(|number| {
            format!(r#"{{"id":"asset_{number:03}","on_assets":["bench"],"tasks":{{"noop":{{}}}}}}"#)
        }));
        Ok(format!(
            r#"{{"contract":"weft.dag/1","dags":[{}]}}"#,
            dags.join(",")
        ))
    }

    fn run(task: String, inputs: Vec<(String, String)>) -> Result<Outcome, Failure> {
        let number = |name: &str| {
            let found = inputs.iter().find(|(input, _)| input == name);
            found
                .and_then(|(_, json)| json.trim().parse::<u32>().ok())
                .ok_or_else(|| failure(&format!("'{name}' is not a number")))
        };
        let is_resumed = context::resumed().is_some();
        match task.as_str() {
            "numbers" => Ok(Outcome::Success(numbers(number("count")?))),
            "wait" if !is_resumed => Ok(Outcome::Control(format!(
                r#"{{"kind":"defer","event":"go-{}","state":1}}"#,
                number("n")?
            ))),
            "hold" if !is_resumed => Ok(Outcome::Control(
                r#"{"kind":"defer","after_ms":3600000,"state":1}"#.to_owned(),
            )),
            "wait" | "hold" | "noop" => Ok(Outcome::Success("null".to_owned())),
            _ => Err(failure("there is no such task")),
        }
    }
}

/// One task that lists `count` numbers, and one that is mapped over them.
fn mapped(dag: &str, task: &str, count: u32) -> String {
    format!(
        r#"{{"id":"{dag}","tasks":{{
            "numbers":{{"inputs":{{"count":{{"value":{count}}}}}}},
            "{task}":{{"expand":{{"n":"numbers"}}}}}}}}"#
    )
}

fn numbers(count: u32) -> String {
    let numbers: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    format!("[{}]", numbers.join(","))
}

fn failure(message: &str) -> Failure {
    Failure {
        retryable: false,
        message: message.to_owned(),
        more: None,
    }
}

export!(Waits);
