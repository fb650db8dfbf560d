use weft::prelude::*;

#[task]
fn add(a: u32, b: u32) -> u32 {
    a + b
}

#[dag]
fn sums() {
    add(1);
}

fn main() {}
