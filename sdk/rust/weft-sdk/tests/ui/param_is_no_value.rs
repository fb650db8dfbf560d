use weft::prelude::*;

#[task]
fn fetch(days: u32) {
    let _ = days;
}

#[dag]
fn arithmetic(days: Param<u32>) {
    fetch(days + 1);
}

#[dag]
fn wrong_type(days: Param<String>) {
    fetch(days);
}

fn main() {}
