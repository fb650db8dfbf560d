//! One region in numbers.

use quake_stats::{Region, summarise};
use quakes_programs::{inputs, output};
use serde::Deserialize;
use std::error::Error;

#[derive(Deserialize)]
struct Inputs {
    region: Region,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Inputs { region } = inputs()?;
    output(&summarise(&region))
}
