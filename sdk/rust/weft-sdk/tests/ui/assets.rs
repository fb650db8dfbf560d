use weft::prelude::*;

#[task(outlets = ["orders", "/rejected"])]
fn one() {}

#[task(outlets = 5)]
fn two() {}

#[dag(on_assets = [])]
fn three() {}

#[dag(on_assets = all_of("orders", any_of("no spaces")))]
fn four() {}

#[dag(on_assets = within("rates"))]
fn five() {}

#[dag(on_assets = within("rates", "1 parsec"))]
fn six() {}

fn main() {}
