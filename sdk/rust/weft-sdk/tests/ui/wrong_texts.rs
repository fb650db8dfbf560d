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

#[task(retry_on = ["timeout", "lost"])]
fn nine() {}

#[task(retry_on = 7)]
fn ten() {}

#[task(deadline = "two hours")]
fn eleven() {}

#[task(deadline = "2h", on_missed_deadline = "fail")]
fn twelve() {}

#[dag(deadline = "2h", on_missed_deadline = "cancel")]
fn thirteen() {}

#[dag(on_missed_deadline = "stop")]
fn fourteen() {}

#[task(latest_only = "yes")]
fn fifteen() {}

#[dag(schedule = ["0 6 * * *", "0 25 * * *"])]
fn sixteen() {}

#[dag(schedule = ["@once", "@daily"])]
fn seventeen() {}

#[dag(schedule = [])]
fn eighteen() {}

#[dag(schedule = ["0 6 * * *", "2026-12-32"])]
fn nineteen() {}

#[dag(schedule = "@daily", holidays = ["12-25", "25.12.2026"])]
fn twenty() {}

#[dag(schedule = "@daily", holidays = [1225])]
fn twenty_one() {}

#[dag(holidays = ["12-25"])]
fn twenty_two() {}

#[dag(schedule = "15m")]
fn twenty_three() {}

#[dag(max_active_runs_per_key = 2)]
fn twenty_four() {}

#[dag(rate_limit(runs = 100))]
fn twenty_five() {}

#[dag(rate_limit(runs = 100, per = "a minute"))]
fn twenty_six() {}

#[dag(rate_limit = 100)]
fn twenty_seven() {}

fn main() {}
