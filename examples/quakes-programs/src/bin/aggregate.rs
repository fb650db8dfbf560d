//! All regions together.

use quake_stats::{Summary, aggregate};
use quakes_programs::{inputs, output};
use serde::Deserialize;
use std::{collections::BTreeMap, error::Error};

#[derive(Deserialize)]
struct Inputs {
    summaries: Vec<Summary>,
    rejected: BTreeMap<String, u32>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Inputs {
        summaries,
        rejected,
    } = inputs()?;
    output(&aggregate(&summaries, rejected).ok_or("there was no earthquake")?)
}
