use weft::prelude::*;

#[task]
fn count() -> u32 {
    3
}

#[task]
fn show(n: u32) {
    let _ = n;
}

#[dag]
fn wrong() {
    if count() > 2 {
        show(1);
    }
}

fn main() {}
