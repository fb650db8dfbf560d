use weft::prelude::*;

#[task(branch)]
fn choose(n: u32) -> Result<u32> {
    Ok(n)
}

fn main() {}
