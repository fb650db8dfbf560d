//! Writes the chart and the page as artifacts: files under `/out`.

use quake_stats::{Notice, Quake, World, draw, write};
use quakes_programs::{inputs, output};
use serde::Deserialize;
use std::{error::Error, fs};

#[derive(Deserialize)]
struct Inputs {
    world: World,
    quakes: Vec<Quake>,
    alert: Option<Notice>,
    all_clear: Option<Notice>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Inputs {
        world,
        quakes,
        alert,
        all_clear,
    } = inputs()?;
    let notice = alert.or(all_clear).ok_or("neither notice was written")?;
    fs::write("/out/chart.svg", draw(&world, &quakes)?)?;
    fs::write("/out/report.md", write(&world, &notice))?;
    output(&notice)
}
