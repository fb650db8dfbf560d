use weft::prelude::*;

#[task(retry_delay = "30 parsecs")]
fn one() {}

#[task(limits(memory = "much"))]
fn two() {}

#[task(trigger_rule = "all_dome")]
fn three() {}

#[task(retries = "three")]
fn four() {}

#[task(grant(http = 80))]
fn five() {}

#[task(name = "no spaces")]
fn six() {}

#[dag(schedule = "0 25 * * *")]
fn seven() {}

#[dag(schedule = "0 6 * *")]
fn eight() {}

fn main() {}
