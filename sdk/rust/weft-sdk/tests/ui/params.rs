use weft::prelude::*;

#[dag]
fn plain(url: String) {
    let _ = url;
}

#[dag]
fn wrong_default(#[param(default = "three")] days: Param<u32>) {
    let _ = days;
}

#[dag]
fn no_default(#[param(default)] days: Param<u32>) {
    let _ = days;
}

#[dag]
fn with_context(ctx: Context) {
    let _ = ctx;
}

fn main() {}
