//! Lists the regions, each with its earthquakes: what the next task is mapped over.

use quake_stats::{Quake, by_region};
use quakes_programs::{inputs, output};
use serde::Deserialize;
use std::error::Error;

#[derive(Deserialize)]
struct Inputs {
    quakes: Vec<Quake>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Inputs { quakes } = inputs()?;
    output(&by_region(quakes))
}
