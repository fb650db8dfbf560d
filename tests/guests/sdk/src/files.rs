//! Tasks that hand data on as an artifact.

use std::io::{BufRead as _, Write as _};
use weft::prelude::*;

#[task]
pub fn draw(lines: u64) -> Result<Artifact> {
    let mut file = Artifact::create("text/plain")?;
    for line in 0..lines {
        writeln!(file, "line {line}")?;
    }
    file.finish()
}

#[task]
pub fn read_back(file: Artifact) -> Result<u64> {
    Ok(file.open()?.lines().count() as u64)
}
