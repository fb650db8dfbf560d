use weft::prelude::*;

#[task(retires = 3)]
fn extract() {}

#[task(limits(memroy = "1GiB"))]
fn load() {}

#[dag(scedule = "@daily")]
fn daily() {}

fn main() {}
