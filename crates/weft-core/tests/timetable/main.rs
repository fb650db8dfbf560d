//! The dates of schedules, over changes of clocks, starts, ends and pauses.

mod clocks;
mod dates;
mod several;

use weft_core::{
    document::{Dag, Format, Source, parse},
    time::Timestamp,
    timetable::Timetable,
};

/// A DAG with these fields, as a manifest has them.
pub(crate) fn dag(fields: &str) -> Dag {
    let text = format!("[dag]\nid = \"d\"\n{fields}\n[tasks.t]\nprogram = \"t.wasm\"\n");
    let source = Source {
        name: "dag.toml",
        text: &text,
        format: Format::Toml,
    };
    parse(source).expect("a good manifest").dags.remove(0)
}

pub(crate) fn table(fields: &str) -> Timetable {
    Timetable::of(&dag(fields)).expect("it has a schedule")
}

pub(crate) fn cron(schedule: &str, zone: &str) -> Timetable {
    table(&format!("schedule = \"{schedule}\"\ntimezone = \"{zone}\""))
}

pub(crate) fn utc(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// Ticks in a span, as they are written in UTC.
pub(crate) fn ticks(table: &Timetable, from: &str, to: &str) -> Vec<String> {
    let dues = table.between(utc(from), utc(to), 1_000);
    dues.iter()
        .map(|due| due.logical_date.to_string())
        .collect()
}
