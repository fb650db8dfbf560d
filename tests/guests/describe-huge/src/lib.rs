//! A guest that describes a DAG of ten million tasks: valid JSON, some 140 MB of it.

use std::fmt::Write;

wit_bindgen::generate!({
    path: "../../../wit/weft.wit",
    world: "dag",
    generate_all,
});

use exports::weft::dag::tasks::{Failure, Guest, Outcome};

const TASKS: u32 = 10_000_000;
/// `"t1234567":{},`: reserved at once, so that growing never doubles the memory.
const TASK_BYTES: usize = 14;

struct DescribeHuge;

impl Guest for DescribeHuge {
    fn describe() -> Result<String, String> {
        let mut document = String::with_capacity(TASKS as usize * TASK_BYTES + 1024);
        document.push_str(r#"{"contract":"weft.dag/1","dags":[{"id":"huge","tasks":{"#);
        for task in 0..TASKS {
            let comma = if task == 0 { "" } else { "," };
            write!(document, r#"{comma}"t{task}":{{}}"#).expect("writing to a string never fails");
        }
        document.push_str("}}]}");
        Ok(document)
    }

    fn run(_: String, _: Vec<(String, String)>) -> Result<Outcome, Failure> {
        Ok(Outcome::Success("null".into()))
    }
}

export!(DescribeHuge);
