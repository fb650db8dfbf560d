use weft::prelude::*;

#[dag]
fn returns() -> u32 {
    3
}

#[dag]
async fn waits() {}

fn main() {}
