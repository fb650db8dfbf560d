//! A guest whose `describe` never returns.

wit_bindgen::generate!({
    path: "../../../wit/weft.wit",
    world: "dag",
    generate_all,
});

use exports::weft::dag::tasks::{Failure, Guest, Outcome};

struct DescribeLoop;

impl Guest for DescribeLoop {
    fn describe() -> Result<String, String> {
        let mut turns = 0u64;
        loop {
            turns = std::hint::black_box(turns.wrapping_add(1));
        }
    }

    fn run(_: String, _: Vec<(String, String)>) -> Result<Outcome, Failure> {
        Ok(Outcome::Success("null".into()))
    }
}

export!(DescribeLoop);
