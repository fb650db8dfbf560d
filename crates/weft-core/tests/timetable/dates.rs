//! Which dates there are, and which of them are made.

use super::{cron, dag, table, ticks, utc};
use proptest::prelude::*;
use weft_core::{
    document::{Format, Schedule, Source, parse},
    time::{DurationMs, Timestamp},
    timetable::{Due, Timetable},
};

#[test]
fn days_months_seconds_and_presets() {
    for (schedule, from, to, expected) in [
        (
            "@daily",
            "2026-01-01T00:00:00Z",
            "2026-01-03T00:00:00Z",
            vec!["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"],
        ),
        (
            "@quarterly",
            "2026-01-02T00:00:00Z",
            "2026-12-31T00:00:00Z",
            vec![
                "2026-04-01T00:00:00Z",
                "2026-07-01T00:00:00Z",
                "2026-10-01T00:00:00Z",
            ],
        ),
        (
            "0 6 L * *",
            "2028-02-01T00:00:00Z",
            "2028-04-01T00:00:00Z",
            vec!["2028-02-29T06:00:00Z", "2028-03-31T06:00:00Z"],
        ),
        (
            "0 0 29 2 *",
            "2096-03-01T00:00:00Z",
            "2105-01-01T00:00:00Z",
            vec!["2104-02-29T00:00:00Z"],
        ),
        (
            "0 9 * * 1-5",
            "2026-11-20T00:00:00Z",
            "2026-11-24T00:00:00Z",
            vec!["2026-11-20T09:00:00Z", "2026-11-23T09:00:00Z"],
        ),
        // A day of the month or a weekday: either, as cron has it.
        (
            "0 0 13 * 5",
            "2026-11-01T00:00:00Z",
            "2026-11-14T00:00:00Z",
            vec!["2026-11-06T00:00:00Z", "2026-11-13T00:00:00Z"],
        ),
        (
            "*/20 30 6 * * *",
            "2026-01-01T06:30:00.001Z",
            "2026-01-02T00:00:00Z",
            vec!["2026-01-01T06:30:20Z", "2026-01-01T06:30:40Z"],
        ),
        (
            "every 15m",
            "2026-01-01T00:00:01Z",
            "2026-01-01T00:45:00Z",
            vec!["2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"],
        ),
    ] {
        assert_eq!(
            ticks(&cron(schedule, "UTC"), from, to),
            expected,
            "{schedule}"
        );
    }
    let anchored = table("schedule = \"every 7m\"\nstart = 2026-01-01T00:03:00Z");
    assert_eq!(
        ticks(&anchored, "2025-12-31T23:50:00Z", "2026-01-01T00:05:00Z"),
        ["2025-12-31T23:56:00Z", "2026-01-01T00:03:00Z"]
    );
}

#[test]
fn an_expression_that_never_holds_is_refused_and_a_rare_one_is_not() {
    for schedule in [
        "0 0 31 2 *",
        "0 0 30 2 *",
        "0 0 31 2,4,6,9,11 *",
        "* * * 31 2 *",
    ] {
        let text = format!(
            "[dag]\nid = \"d\"\nschedule = \"{schedule}\"\n[tasks.t]\nprogram = \"t.wasm\"\n"
        );
        let source = Source {
            name: "dag.toml",
            text: &text,
            format: Format::Toml,
        };
        let refused = parse(source).expect_err(schedule).to_string();
        assert!(refused.contains("no year has"), "{refused}");
    }
    let table = cron("0 0 29 2 *", "Europe/Berlin");
    assert_eq!(
        ticks(&table, "2026-01-01T00:00:00Z", "2033-01-01T00:00:00Z"),
        ["2028-02-28T23:00:00Z", "2032-02-28T23:00:00Z"]
    );
}

#[test]
fn the_ends_of_time_are_no_dates() {
    for schedule in ["* * * * *", "0 0 * * *", "every 1s", "@once", "@continuous"] {
        let table = cron(schedule, "America/New_York");
        for at in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
            let at = Timestamp(at);
            // Whatever it answers, it answers.
            let answers = [
                table.next(None, at, at),
                table.next(Some(at), at, at),
                table.next(Some(at), Timestamp(0), at),
            ];
            assert!(
                answers
                    .iter()
                    .flatten()
                    .all(|due| due.interval.0 <= due.logical_date),
                "{schedule}"
            );
            assert!(table.between(at, Timestamp(i64::MAX), 3).len() <= 3);
        }
    }
}

fn due(begin: &str, date: &str) -> Due {
    let (begin, date) = (utc(begin), utc(date));
    Due {
        logical_date: date,
        interval: (begin, date),
        due: date,
    }
}

const DAILY: &str = "schedule = \"0 6 * * *\"";

#[test]
fn without_catchup_only_the_latest_that_is_due_is_made() {
    let table = table(DAILY);
    let next = |after: Option<&str>, since, now| table.next(after.map(utc), utc(since), utc(now));
    // Nothing before it became active.
    assert_eq!(
        next(None, "2026-05-10T07:00:00Z", "2026-05-10T08:00:00Z"),
        Some(due("2026-05-10T06:00:00Z", "2026-05-11T06:00:00Z"))
    );
    assert_eq!(
        next(None, "2026-05-10T06:00:00Z", "2026-05-10T08:00:00Z"),
        Some(due("2026-05-09T06:00:00Z", "2026-05-10T06:00:00Z"))
    );
    // Away for days: the latest one only.
    assert_eq!(
        next(
            Some("2026-05-10T06:00:00Z"),
            "2026-05-01T00:00:00Z",
            "2026-05-15T06:00:00Z"
        ),
        Some(due("2026-05-14T06:00:00Z", "2026-05-15T06:00:00Z"))
    );
    // That one was made: the next lies ahead.
    assert_eq!(
        next(
            Some("2026-05-15T06:00:00Z"),
            "2026-05-01T00:00:00Z",
            "2026-05-15T06:00:00Z"
        ),
        Some(due("2026-05-15T06:00:00Z", "2026-05-16T06:00:00Z"))
    );
    // Paused and activated again: what lies before is not made.
    assert_eq!(
        next(
            Some("2026-05-10T06:00:00Z"),
            "2026-05-15T07:00:00Z",
            "2026-05-15T07:00:00Z"
        ),
        Some(due("2026-05-15T06:00:00Z", "2026-05-16T06:00:00Z"))
    );
}

#[test]
fn with_catchup_every_date_from_the_start_is_made_in_order() {
    let table = table(&format!(
        "{DAILY}\ncatchup = true\nstart = 2026-05-01\nend = 2026-05-03T06:00:00Z"
    ));
    let now = utc("2026-06-01T00:00:00Z");
    let mut after = None;
    let mut dates = Vec::new();
    while let Some(due) = table.next(after, now, now) {
        dates.push(due.logical_date.to_string());
        after = Some(due.logical_date);
    }
    assert_eq!(
        dates,
        [
            "2026-05-01T06:00:00Z",
            "2026-05-02T06:00:00Z",
            "2026-05-03T06:00:00Z"
        ]
    );
}

#[test]
fn start_and_end_bound_the_dates() {
    let bounded = table(&format!("{DAILY}\nstart = 2026-05-02\nend = 2026-05-04"));
    let next = |after: Option<&str>, now| {
        bounded.next(after.map(utc), utc("2026-04-01T00:00:00Z"), utc(now))
    };
    assert_eq!(
        next(None, "2026-04-01T00:00:00Z"),
        Some(due("2026-05-01T06:00:00Z", "2026-05-02T06:00:00Z"))
    );
    // After the end the latest within it is still owed.
    assert_eq!(
        next(None, "2026-09-01T00:00:00Z"),
        Some(due("2026-05-02T06:00:00Z", "2026-05-03T06:00:00Z"))
    );
    assert_eq!(
        next(Some("2026-05-03T06:00:00Z"), "2026-09-01T00:00:00Z"),
        None
    );
}

#[test]
fn once_is_once() {
    let now = utc("2026-06-01T00:00:00Z");
    let since = utc("2026-05-01T00:00:00Z");
    let once = table("schedule = \"@once\"");
    assert_eq!(
        once.next(None, since, now),
        Some(due("2026-05-01T00:00:00Z", "2026-05-01T00:00:00Z"))
    );
    assert_eq!(once.next(Some(since), since, now), None);
    let later = table("schedule = \"@once\"\nstart = 2026-07-01");
    assert_eq!(
        later.next(None, since, now),
        Some(due("2026-07-01T00:00:00Z", "2026-07-01T00:00:00Z"))
    );
    assert_eq!(
        ticks(&later, "2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z"),
        ["2026-07-01T00:00:00Z"]
    );
    assert!(ticks(&later, "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z").is_empty());
    let over = table("schedule = \"@once\"\nend = 2026-04-01");
    assert_eq!(over.next(None, since, now), None);
    assert!(!once.is_continuous());
}

#[test]
fn a_continuous_run_is_always_due_and_its_date_is_new() {
    let always = table("schedule = \"@continuous\"\nstart = 2026-05-01");
    assert!(always.is_continuous());
    let since = utc("2026-04-01T00:00:00Z");
    let now = utc("2026-06-01T00:00:00Z");
    assert_eq!(
        always.next(None, since, since),
        Some(due("2026-05-01T00:00:00Z", "2026-05-01T00:00:00Z"))
    );
    assert_eq!(
        always.next(Some(utc("2026-05-31T23:00:00Z")), since, now),
        Some(due("2026-05-31T23:00:00Z", "2026-06-01T00:00:00Z"))
    );
    // Within the same millisecond, too.
    assert_eq!(
        always.next(Some(now), since, now),
        Some(due("2026-06-01T00:00:00Z", "2026-06-01T00:00:00.001Z"))
    );
    assert!(always.between(since, now, 10).is_empty());
    assert!(Timetable::of(&dag("")).is_none());
}

#[test]
fn a_backfill_is_bounded_and_leaves_its_end_out() {
    let table = table(&format!("{DAILY}\nstart = 2026-05-01"));
    let (from, to) = (utc("2026-01-01T06:00:00Z"), utc("2026-01-04T06:00:00Z"));
    let dues = table.between(from, to, 100);
    assert_eq!(
        dues.first().copied(),
        Some(due("2025-12-31T06:00:00Z", "2026-01-01T06:00:00Z"))
    );
    assert_eq!(
        dues.last().copied(),
        Some(due("2026-01-02T06:00:00Z", "2026-01-03T06:00:00Z"))
    );
    assert_eq!(dues.len(), 3);
    assert_eq!(table.between(from, to, 2).len(), 2);
    assert!(table.between(to, from, 2).is_empty());
}

#[test]
fn a_schedule_without_a_zone_is_read_in_utc_and_an_interval_is_never_nothing() {
    let mut dag = dag("schedule = \"every 1s\"");
    dag.schedule = Some(Schedule::Every(DurationMs(0)));
    let table = Timetable::of(&dag).expect("it has a schedule");
    let first = table
        .next(None, Timestamp(5), Timestamp(5))
        .expect("there is one");
    assert_eq!(first.logical_date, Timestamp(5));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_schedule_and_any_times_give_later_dates(
        schedule in prop::sample::select(vec!["* * * * *", "0 0 * * *", "5 4 29 2 *", "*/7 3 * * 1", "every 13m", "0 0 1 1 *"]),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"]),
        after in prop::option::of(-2_000_000_000_000..4_000_000_000_000_i64),
        since in -2_000_000_000_000..4_000_000_000_000_i64,
        now in -2_000_000_000_000..4_000_000_000_000_i64,
        catchup in any::<bool>(),
    ) {
        let table = table(&format!("schedule = \"{schedule}\"\ntimezone = \"{zone}\"\ncatchup = {catchup}"));
        let (after, since, now) = (after.map(Timestamp), Timestamp(since), Timestamp(now));
        let due = table.next(after, since, now).expect("there is always a next one");
        prop_assert!(due.logical_date >= since);
        prop_assert!(after.is_none_or(|after| due.logical_date > after));
        prop_assert!(due.interval.0 < due.interval.1 && due.interval.1 == due.logical_date && due.due == due.logical_date);
        let further = table.next(Some(due.logical_date), since, now).expect("there is always a next one");
        prop_assert!(further.logical_date > due.logical_date);
        prop_assert_eq!(further.interval.0 == due.logical_date, true);
        if !catchup {
            prop_assert!(further.logical_date > now, "of those that are due only one is made");
        }
    }
}
