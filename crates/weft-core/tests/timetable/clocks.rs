//! Ticks of timetables when clocks are set forward or back.

use super::{cron, ticks};
use jiff::{SignedDuration, ToSpan, civil, tz::TimeZone};
use proptest::prelude::*;
use weft_core::time::Timestamp;

/// Schedule, zone, a span, and the ticks in it.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

/// Expressions that name hours.
#[rustfmt::skip]
const NAMED: &[Row] = &[
    // 02:00 to 03:00 is skipped: the tick moves to the first moment after it.
    ("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z",
        &["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
    // Both skipped ticks become one, together with a tick that is due there anyway.
    ("15,45 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z",
        &["2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z", "2026-03-29T01:45:00Z"]),
    ("0 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z",
        &["2026-03-29T01:00:00Z"]),
    // A list of hours loses none.
    ("0 2,14 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z",
        &["2026-03-29T01:00:00Z", "2026-03-29T12:00:00Z"]),
    // 02:00 to 03:00 comes twice: the first one counts.
    ("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z",
        &["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
    ("*/20 2 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T12:00:00Z",
        &["2026-10-25T00:00:00Z", "2026-10-25T00:20:00Z", "2026-10-25T00:40:00Z"]),
    ("30 2 * * *", "America/New_York", "2026-03-07T00:00:00Z", "2026-03-10T00:00:00Z",
        &["2026-03-07T07:30:00Z", "2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]),
    ("30 1 * * *", "America/New_York", "2026-10-31T00:00:00Z", "2026-11-03T00:00:00Z",
        &["2026-10-31T05:30:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]),
    // 02:00 to 02:30 is skipped, 01:30 to 02:00 comes twice.
    ("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T12:00:00Z", "2026-10-05T00:00:00Z",
        &["2026-10-02T15:45:00Z", "2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]),
    ("45 1 * * *", "Australia/Lord_Howe", "2026-04-03T12:00:00Z", "2026-04-06T00:00:00Z",
        &["2026-04-03T14:45:00Z", "2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]),
    // Midnight itself is skipped.
    ("0 0 * * *", "Africa/Cairo", "2026-04-23T00:00:00Z", "2026-04-26T00:00:00Z",
        &["2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z", "2026-04-25T21:00:00Z"]),
];

#[test]
fn named_hours_run_once_whatever_the_clocks_do() {
    for (schedule, zone, from, to, expected) in NAMED {
        assert_eq!(
            ticks(&cron(schedule, zone), from, to),
            *expected,
            "{schedule} in {zone}"
        );
    }
}

/// Expressions that mean every hour.
#[rustfmt::skip]
const EVERY: &[Row] = &[
    ("0 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z",
        &["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]),
    ("0 * * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z",
        &["2026-10-24T23:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"]),
    ("30 * * * *", "America/New_York", "2026-03-08T06:00:00Z", "2026-03-08T09:00:00Z",
        &["2026-03-08T06:30:00Z", "2026-03-08T07:30:00Z", "2026-03-08T08:30:00Z"]),
    ("30 * * * *", "America/New_York", "2026-11-01T05:00:00Z", "2026-11-01T08:00:00Z",
        &["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T07:30:00Z"]),
    // 02:00 doesn't come; 02:30 does, at once.
    ("0,30 * * * *", "Australia/Lord_Howe", "2026-10-03T14:30:00Z", "2026-10-03T16:30:00Z",
        &["2026-10-03T14:30:00Z", "2026-10-03T15:00:00Z", "2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z"]),
    ("45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", "2026-04-04T17:00:00Z",
        &["2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z", "2026-04-04T16:15:00Z"]),
    ("0 */2 * * *", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T04:00:00Z",
        &["2026-10-24T22:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T03:00:00Z"]),
];

#[test]
fn every_hour_means_the_hours_that_there_really_are() {
    for (schedule, zone, from, to, expected) in EVERY {
        assert_eq!(
            ticks(&cron(schedule, zone), from, to),
            *expected,
            "{schedule} in {zone}"
        );
    }
    for (day, minutes) in [
        ("2026-03-29", 23 * 60),
        ("2026-10-25", 25 * 60),
        ("2026-06-01", 24 * 60),
    ] {
        let berlin = TimeZone::get("Europe/Berlin").expect("a zone");
        let begin = day
            .parse::<civil::Date>()
            .expect("a day")
            .to_zoned(berlin)
            .expect("it begins");
        let end = begin.checked_add(1.day()).expect("it ends");
        let stamp = |at: &jiff::Zoned| Timestamp(at.timestamp().as_millisecond());
        let table = cron("* * * * *", "Europe/Berlin");
        let dues = table.between(stamp(&begin), stamp(&end), 10_000);
        assert_eq!(dues.len(), minutes, "{day}");
        assert!(
            dues.windows(2)
                .all(|pair| pair[1].logical_date.0 - pair[0].logical_date.0 == 60_000)
        );
    }
}

/// Each minute of a span of real time, with what a zone's clock shows then.
fn minutes(
    zone: &TimeZone,
    begin: jiff::Timestamp,
    count: i64,
) -> Vec<(Timestamp, civil::DateTime)> {
    (0..count)
        .map(|minute| {
            let at = begin + SignedDuration::from_mins(minute);
            (Timestamp(at.as_millisecond()), zone.to_datetime(at))
        })
        .collect()
}

/// What the module's documentation says, minute by minute, without any search.
fn expected(
    shown: &[(Timestamp, civil::DateTime)],
    fits: impl Fn(civil::DateTime) -> bool,
    any_hour: bool,
) -> Vec<Timestamp> {
    if any_hour {
        return shown
            .iter()
            .filter(|(_, clock)| fits(*clock))
            .map(|(at, _)| *at)
            .collect();
    }
    let (first, last) = (shown[0].1, shown[shown.len() - 1].1);
    let mut dates: Vec<Timestamp> = Vec::new();
    let mut clock = first;
    while clock <= last {
        if fits(clock) {
            let (at, _) = shown
                .iter()
                .find(|(_, shows)| *shows >= clock)
                .expect("the last one does");
            // Of two moments that show the same, `find` has the first.
            dates.push(*at);
        }
        clock = clock.checked_add(1.minute()).expect("far from the end");
    }
    dates.dedup();
    dates
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn ticks_around_changes_of_clocks_are_those_that_counting_minutes_finds(
        change in prop::sample::select(vec![
            ("Europe/Berlin", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-10-25T01:00:00Z"),
            ("America/New_York", "2026-03-08T07:00:00Z"),
            ("America/New_York", "2026-11-01T06:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
            ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
            ("Africa/Cairo", "2026-04-23T22:00:00Z"),
            ("Asia/Kathmandu", "2026-01-01T00:00:00Z"),
            // A whole day was skipped.
            ("Pacific/Apia", "2011-12-30T10:00:00Z"),
        ]),
        hours in prop_oneof![
            Just(None),
            prop::collection::btree_set(0..5_i8, 1..4).prop_map(Some),
            prop::collection::btree_set(0..24_i8, 1..4).prop_map(Some),
        ],
        minute in prop::collection::btree_set(prop::sample::select(vec![0_i8, 1, 15, 29, 30, 31, 45, 59]), 1..4),
    ) {
        let (name, at) = change;
        let zone = TimeZone::get(name).expect("a zone");
        let list = |values: &std::collections::BTreeSet<i8>| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let hour = hours.as_ref().map_or("*".to_owned(), &list);
        let table = cron(&format!("{} {hour} * * *", list(&minute)), name);

        let begin = at.parse::<jiff::Timestamp>().expect("a moment") - SignedDuration::from_hours(30);
        let shown = minutes(&zone, begin, 60 * 60);
        let fits = |clock: civil::DateTime| {
            minute.contains(&clock.minute()) && hours.as_ref().is_none_or(|hours| hours.contains(&clock.hour()))
        };
        let expected = expected(&shown, fits, hours.is_none());
        let (from, to) = (shown[0].0, shown[shown.len() - 1].0);
        let dues = table.between(from, Timestamp(to.0 + 1), 10_000);
        let dates: Vec<Timestamp> = dues.iter().map(|due| due.logical_date).collect();
        prop_assert_eq!(&dates, &expected);
        for pair in dues.windows(2) {
            prop_assert_eq!(pair[1].interval, (pair[0].logical_date, pair[1].logical_date));
        }
        // From any minute on, and back from any minute.
        for (now, _) in shown.iter().step_by(7) {
            let next = table.next(Some(Timestamp(from.0 - 1)), Timestamp(from.0), *now);
            let wanted = expected.iter().rfind(|date| *date <= now).or(expected.first());
            if let Some(wanted) = wanted {
                prop_assert_eq!(next.map(|due| due.logical_date), Some(*wanted), "now is {}", now);
                let before = expected.iter().rfind(|date| *date < wanted);
                if let Some(before) = before {
                    prop_assert_eq!(next.map(|due| due.interval.0), Some(*before));
                }
            }
        }
    }
}
