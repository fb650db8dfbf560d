use weft::prelude::*;

#[task]
fn fetch(url: String) {
    let _ = url;
}

#[dag]
fn twice() {
    fetch("a");
    fetch("b");
}

#[dag]
fn twice_by_hand() {
    fetch.id("first")("a");
    fetch.id("first")("b");
}

#[dag]
fn bad_id() {
    fetch.id("no spaces")("a");
}

fn main() {}
