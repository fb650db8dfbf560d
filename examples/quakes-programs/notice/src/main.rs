//! Writes the notice: `notice alert THRESHOLD` or `notice all-clear THRESHOLD`.
//! Of the two one has nothing to say, and exits with 3, which the manifest
//! takes for a skip (`skip_on_exit`).

use quake_stats::{Notice, World};
use quakes_programs::{inputs, output};
use serde::Deserialize;
use std::{env, error::Error, process::ExitCode};

const NOTHING_TO_SAY: u8 = 3;

#[derive(Deserialize)]
struct Inputs {
    world: World,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [kind, threshold] = arguments.as_slice() else {
        return Err("usage: notice KIND THRESHOLD".into());
    };
    let threshold: f64 = threshold.parse()?;
    let Inputs { world } = inputs()?;
    let notice = match kind.as_str() {
        "alert" => Notice::alert(&world, threshold),
        "all-clear" => Notice::all_clear(&world, threshold),
        _ => return Err(format!("there is no notice {kind:?}").into()),
    };
    let Some(notice) = notice else {
        return Ok(ExitCode::from(NOTHING_TO_SAY));
    };
    output(&notice)?;
    Ok(ExitCode::SUCCESS)
}
