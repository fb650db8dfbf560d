//! Several schedules of one DAG, dates, and holidays.

use super::{dag, table, ticks, utc};
use weft_core::document::{Format, Source, parse};

#[test]
fn several_schedules_make_one_line_of_dates() {
    let table = table(
        r#"schedule = ["0 6 * * *", "0 18 * * 5", "@monthly", "2026-11-04T12:30", "every 24h"]"#,
    );
    assert_eq!(
        ticks(&table, "2026-11-01T00:00:00Z", "2026-11-08T00:00:00Z"),
        [
            "2026-11-01T00:00:00Z",
            "2026-11-01T06:00:00Z",
            "2026-11-02T00:00:00Z",
            "2026-11-02T06:00:00Z",
            "2026-11-03T00:00:00Z",
            "2026-11-03T06:00:00Z",
            "2026-11-04T00:00:00Z",
            "2026-11-04T06:00:00Z",
            "2026-11-04T12:30:00Z",
            "2026-11-05T00:00:00Z",
            "2026-11-05T06:00:00Z",
            "2026-11-06T00:00:00Z",
            "2026-11-06T06:00:00Z",
            "2026-11-06T18:00:00Z",
            "2026-11-07T00:00:00Z",
            "2026-11-07T06:00:00Z",
        ],
        "the first of the month is one date"
    );
    let due = table.upcoming(utc("2026-11-06T06:00:00Z"), 1)[0];
    assert_eq!(due.interval.0, utc("2026-11-06T06:00:00Z"));
    assert_eq!(due.logical_date, utc("2026-11-06T18:00:00Z"));
}

#[test]
fn dates_are_read_in_the_zone_and_end() {
    let table = table(
        "schedule = [\"2026-12-24T06:00\", \"2026-11-30\", \"2026-12-24T05:00:00Z\"]\ntimezone = \"Europe/Berlin\"",
    );
    let dates = ticks(&table, "2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z");
    assert_eq!(dates, ["2026-11-29T23:00:00Z", "2026-12-24T05:00:00Z"]);
    let last = utc("2026-12-24T05:00:00Z");
    assert_eq!(
        table.next(Some(last), utc("2026-01-01T00:00:00Z"), last),
        None
    );
    assert!(table.is_latest(last, utc("2030-01-01T00:00:00Z")));
    assert!(!table.is_latest(utc("2026-11-29T23:00:00Z"), last));
}

#[test]
fn no_run_is_made_on_a_holiday_of_the_zone() {
    let table = table(
        "schedule = \"0 23 * * *\"\nholidays = [\"2026-12-24\", \"12-25\", \"01-01\"]\ntimezone = \"America/New_York\"",
    );
    let christmas = |year: u32| {
        ticks(
            &table,
            &format!("{year}-12-24T00:00:00Z"),
            &format!("{year}-12-28T00:00:00Z"),
        )
    };
    assert_eq!(
        christmas(2026),
        ["2026-12-24T04:00:00Z", "2026-12-27T04:00:00Z"]
    );
    assert_eq!(
        christmas(2027),
        [
            "2027-12-24T04:00:00Z",
            "2027-12-25T04:00:00Z",
            "2027-12-27T04:00:00Z"
        ]
    );
    // The interval reaches over what was left out.
    let after = table.upcoming(utc("2026-12-24T05:00:00Z"), 1)[0];
    assert_eq!(after.interval.0, utc("2026-12-24T04:00:00Z"));
}

#[test]
fn a_day_that_clocks_shorten_is_left_out_whole() {
    // In Havana the clocks go from 0:00 to 1:00, so that the day begins at 1:00.
    let table = table(
        "schedule = \"every 30m\"\nholidays = [\"2026-03-08\"]\ntimezone = \"America/Havana\"",
    );
    let dates = ticks(&table, "2026-03-08T04:00:00Z", "2026-03-09T05:00:00Z");
    assert_eq!(
        dates,
        [
            "2026-03-08T04:00:00Z",
            "2026-03-08T04:30:00Z",
            "2026-03-09T04:00:00Z",
            "2026-03-09T04:30:00Z"
        ]
    );
}

#[test]
fn a_schedule_is_shown_as_it_is_written() {
    let several = dag(r#"schedule = ["@daily", "every 2h", "2026-12-24"]"#);
    let shown = several.schedule.map(|schedule| schedule.to_string());
    assert_eq!(
        shown.as_deref(),
        Some("0 0 * * *; every 2h; 2026-12-24T00:00:00Z")
    );
    let one = dag(r#"schedule = ["@daily", "0 0 * * *"]"#);
    assert_eq!(
        one.schedule.map(|schedule| schedule.to_string()).as_deref(),
        Some("0 0 * * *")
    );
}

#[test]
fn what_has_no_date_is_refused() {
    for (fields, message) in [
        (
            "schedule = []",
            "a list of schedules has between 1 and 1000 items",
        ),
        (
            "schedule = [\"@once\", \"@daily\"]",
            "\"@once\" can't be one of several schedules",
        ),
        (
            "schedule = [\"0 25 * * *\"]",
            "\"0 25 * * *\" is no schedule",
        ),
        (
            "holidays = [\"12-25\"]",
            "there is no schedule that could leave out a day",
        ),
        (
            "schedule = \"@daily\"\nholidays = [\"Christmas\"]",
            "\"Christmas\" is no day",
        ),
        (
            "schedule = \"0 0 25 12 *\"\nholidays = [\"12-25\"]",
            "the holidays leave no date of the schedule",
        ),
        (
            "schedule = [\"2026-12-25\"]\nholidays = [\"12-25\"]",
            "the holidays leave no date of the schedule",
        ),
    ] {
        let text = format!("[dag]\nid = \"d\"\n{fields}\n[tasks.t]\nprogram = \"t.wasm\"\n");
        let source = Source {
            name: "dag.toml",
            text: &text,
            format: Format::Toml,
        };
        let error = parse(source).expect_err(fields).to_string();
        assert!(error.contains(message), "{fields}: {error}");
    }
}
