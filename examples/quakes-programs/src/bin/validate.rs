//! Puts aside what is no earthquake, or can't be true.

use quake_stats::{Event, validate};
use quakes_programs::{inputs, output};
use serde::Deserialize;
use std::error::Error;

#[derive(Deserialize)]
struct Inputs {
    events: Vec<Event>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Inputs { events } = inputs()?;
    let checked = validate(events);
    for (reason, count) in &checked.rejected {
        eprintln!("put aside: {count} {reason}");
    }
    output(&checked)
}
