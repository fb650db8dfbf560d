//! Schedules and holidays in the document of a DAG.

#![allow(
    unreachable_pub,
    reason = "tasks and DAGs are as an author's crate has them"
)]

use serde_json::{Value, json};
use weft::prelude::*;

const EARLY: &str = "0 6 * * 1-5";
const DATES: [&str; 2] = ["2026-12-24", "2026-12-31T18:00"];
const CALENDAR: &[&str] = &["2026-12-24", "12-25"];

fn calendar() -> Vec<String> {
    CALENDAR.iter().map(|day| (*day).to_owned()).collect()
}

#[task]
fn work() {}

#[dag]
fn none() {
    work();
}

#[dag(schedule = "@daily", holidays = ["2026-12-24", "12-25"])]
fn daily() {
    work();
}

#[dag(schedule = ["0 6 * * 1-5", "0 12 * * 6", "2026-12-24T06:00"], holidays = [])]
fn several() {
    work();
}

#[dag(schedule = ["@once"], holidays = "12-25")]
fn one() {
    work();
}

#[dag(schedule = "2026-12-24T06:00")]
fn date() {
    work();
}

#[dag(schedule = EARLY, holidays = CALENDAR)]
fn early() {
    work();
}

#[dag(schedule = [EARLY, "every 15m"], holidays = calendar())]
fn mixed() {
    work();
}

#[dag(schedule = DATES, holidays = &CALENDAR[1..])]
fn dates() {
    work();
}

#[test]
fn schedules_and_holidays_are_in_the_document() {
    let calendar = json!(["2026-12-24", "12-25"]);
    for (dag, schedule, holidays) in [
        (none(), Value::Null, Value::Null),
        (daily(), json!("@daily"), calendar.clone()),
        (
            several(),
            json!(["0 6 * * 1-5", "0 12 * * 6", "2026-12-24T06:00"]),
            Value::Null,
        ),
        (one(), json!("@once"), json!(["12-25"])),
        (date(), json!(["2026-12-24T06:00"]), Value::Null),
        (early(), json!(EARLY), calendar.clone()),
        (mixed(), json!([EARLY, "every 15m"]), calendar),
        (dates(), json!(DATES), json!(["12-25"])),
    ] {
        let found = dag.to_json();
        assert_eq!(
            [&found["schedule"], &found["holidays"]],
            [&schedule, &holidays],
            "{}",
            found["id"]
        );
    }
}
