//! A component whose async tasks attack the host, one task per attack: what only a guest
//! of WASI 0.3 can do. A behaviour that the host stops never returns; one that it refuses
//! reports what it observed.

#[path = "../../behaviours.rs"]
#[macro_use]
mod behaviours;

mod files;
mod network;
mod streams;
mod time;

wit_bindgen_async::generate!({
    path: ["../../../wit/weft.wit", "../../../wit/async-dag.wit"],
    world: "weft:async-dag/dag",
    runtime_path: "::wit_bindgen_async::rt",
    bitflags_path: "::wit_bindgen_async::bitflags",
    generate_all,
});

use exports::weft::async_dag::tasks::{Failure, Guest, Outcome};
use files::*;
use network::*;
use streams::*;
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
        async fn behave(task: &str) -> End {
            match task {
                $(stringify!($name) => $name().await,)*
                _ => Err(Failure { retryable: false, message: format!("there is no behaviour {task:?}"), more: None }),
            }
        }
    };
}
foreach_async_behaviour!(behaviours);

struct Hostile;

impl Guest for Hostile {
    fn describe() -> Result<String, String> {
        Err("it has no DAG to speak of".to_owned())
    }

    async fn run(task: String, _inputs: Vec<(String, String)>) -> End {
        behave(&task).await
    }
}

export!(Hostile);
