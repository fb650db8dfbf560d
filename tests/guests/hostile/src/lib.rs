//! A component whose tasks attack the host, one task per attack.
//!
//! Each behaviour is a function of the same name in the module of its kind. A
//! behaviour that the host stops never returns; one that the host refuses reports
//! what it observed as its output, so that the test can check it.

#[path = "../../behaviours.rs"]
#[macro_use]
mod behaviours;

mod artifacts;
mod ends;
mod handles;
mod http;
mod logs;
mod memory;
mod network;
mod results;
mod time;

wit_bindgen::generate!({
    path: "../../../wit/weft.wit",
    world: "dag",
    generate_all,
});

use artifacts::*;
use ends::*;
use exports::weft::dag::tasks::{Failure, Guest, Outcome};
use handles::*;
use http::*;
use logs::*;
use memory::*;
use network::*;
use results::*;
use time::*;

/// What a behaviour returns, where it returns at all.
type End = Result<Outcome, Failure>;

/// A behaviour that was allowed to end: what it saw, as a JSON string.
fn saw(what: impl std::fmt::Display) -> End {
    let text = what.to_string().replace(['"', '\\', '\n'], "'");
    Ok(Outcome::Success(format!("\"{text}\"")))
}

macro_rules! behaviours {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        fn behave(task: &str, inputs: &[(String, String)]) -> End {
            match task {
                $(stringify!($name) => $name(inputs),)*
                _ => Err(Failure { retryable: false, message: format!("there is no behaviour {task:?}"), more: None }),
            }
        }
    };
}
foreach_component_behaviour!(behaviours);

struct Hostile;

impl Guest for Hostile {
    fn describe() -> Result<String, String> {
        let tasks: Vec<String> = NAMES
            .iter()
            .map(|name| format!("\"{name}\":{{}}"))
            .collect();
        Ok(format!(
            r#"{{"contract":"weft.dag/1","dags":[{{"id":"hostile","tasks":{{{}}}}}]}}"#,
            tasks.join(",")
        ))
    }

    fn run(task: String, inputs: Vec<(String, String)>) -> End {
        behave(&task, &inputs)
    }
}

export!(Hostile);
