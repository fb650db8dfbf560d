use weft::prelude::*;

fn helper(n: u32) -> u32 {
    n
}

#[task]
fn show(n: u32) {
    let _ = n;
}

#[dag]
fn wrong() {
    show(helper(3));
}

fn main() {}
