//! 10,000 DAGs of one task that does nothing; each tenth runs every minute.

wit_bindgen::generate!({
    path: "../../../wit/weft.wit",
    world: "dag",
    generate_all,
});

use exports::weft::dag::tasks::{Failure, Guest, Outcome};

const DAGS: usize = 10_000;
const ONE_OF: usize = 10;

struct TenThousand;

impl Guest for TenThousand {
    fn describe() -> Result<String, String> {
        let dags: Vec<String> = (0..DAGS).map(dag).collect();
        Ok(format!(
            r#"{{"contract":"weft.dag/1","dags":[{}]}}"#,
            dags.join(",")
        ))
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

fn dag(number: usize) -> String {
    let schedule = if number % ONE_OF == 0 {
        r#""schedule":"* * * * *","#
    } else {
        ""
    };
    format!(r#"{{"id":"dag_{number:04}",{schedule}"tasks":{{"noop":{{}}}}}}"#)
}

export!(TenThousand);
