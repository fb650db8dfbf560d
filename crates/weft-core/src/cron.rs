//! A cron expression over the calendar and the clock on the wall, without zones.

use croner::{
    CronPattern, Weekday,
    parser::{CronParser, Seconds, Year},
};
use jiff::civil::{Date, DateTime, Time};

/// How far a tick is looked for before there is said to be none: a 29 February
/// on a given weekday may be 40 years away.
const MAX_YEARS: i16 = 40;

/// A cron expression, its clock times taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Cron {
    pattern: CronPattern,
    hours: Vec<i8>,
    minutes: Vec<i8>,
    seconds: Vec<i8>,
    /// Whether the hour field is `*`, not certain hours.
    pub(crate) any_hour: bool,
}

impl Cron {
    /// Reads what `document::Schedule` holds: five or six fields.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let pattern = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .build()
            .parse(text)
            .ok()?
            .pattern;
        // Day, month and weekday follow the hour.
        let hour = text.split_whitespace().rev().nth(3)?;
        let values = |count: i8, fits: &dyn Fn(u32) -> bool| {
            (0..count)
                .filter(|value| fits(u32::from(value.unsigned_abs())))
                .collect::<Vec<i8>>()
        };
        Some(Self {
            hours: values(24, &|hour| matches!(pattern.hour_match(hour), Ok(true))),
            minutes: values(60, &|minute| {
                matches!(pattern.minute_match(minute), Ok(true))
            }),
            seconds: values(60, &|second| {
                matches!(pattern.second_match(second), Ok(true))
            }),
            any_hour: hour.contains(['*', '?']),
            pattern,
        })
    }

    /// Whether there is any tick at all: the calendar begins again after 400 years, and what
    /// it has not shown in the 40 with most leap years it never shows.
    pub(crate) fn has_ticks(&self) -> bool {
        self.at_or_after(DateTime::constant(2000, 1, 1, 0, 0, 0, 0))
            .is_some()
    }

    /// The first tick at or after a second of the clock.
    pub(crate) fn at_or_after(&self, from: DateTime) -> Option<DateTime> {
        let last_year = from.year().checked_add(MAX_YEARS)?;
        let mut date = from.date();
        if self.has_day(date)
            && let Some(time) = self.time_from(from.time())
        {
            return Some(date.to_datetime(time));
        }
        let first = self.time_from(Time::midnight())?;
        loop {
            date = if self.has_month(date) {
                date.tomorrow().ok()?
            } else {
                date.last_of_month().tomorrow().ok()?
            };
            if date.year() > last_year {
                return None;
            }
            if self.has_day(date) {
                return Some(date.to_datetime(first));
            }
        }
    }

    /// The last tick at or before a second of the clock.
    pub(crate) fn at_or_before(&self, until: DateTime) -> Option<DateTime> {
        let first_year = until.year().checked_sub(MAX_YEARS)?;
        let mut date = until.date();
        if self.has_day(date)
            && let Some(time) = self.time_until(until.time())
        {
            return Some(date.to_datetime(time));
        }
        let last = self.time_until(Time::constant(23, 59, 59, 0))?;
        loop {
            date = if self.has_month(date) {
                date.yesterday().ok()?
            } else {
                date.first_of_month().yesterday().ok()?
            };
            if date.year() < first_year {
                return None;
            }
            if self.has_day(date) {
                return Some(date.to_datetime(last));
            }
        }
    }

    fn has_month(&self, date: Date) -> bool {
        matches!(
            self.pattern
                .month_match(u32::from(date.month().unsigned_abs())),
            Ok(true)
        )
    }

    fn has_day(&self, date: Date) -> bool {
        let weekday = u32::from(date.weekday().to_sunday_zero_offset().unsigned_abs());
        let day = self.pattern.day_match(
            i32::from(date.year()),
            u32::from(date.month().unsigned_abs()),
            u32::from(date.day().unsigned_abs()),
            Weekday::from_days_from_sunday(weekday),
        );
        self.has_month(date) && matches!(day, Ok(true))
    }

    fn time_from(&self, from: Time) -> Option<Time> {
        let first = |values: &[i8], from: i8| values.iter().copied().find(|value| *value >= from);
        let (hours, minutes, seconds) = (&self.hours, &self.minutes, &self.seconds);
        if hours.binary_search(&from.hour()).is_ok() {
            if minutes.binary_search(&from.minute()).is_ok()
                && let Some(second) = first(seconds, from.second())
            {
                return time(from.hour(), from.minute(), second);
            }
            if let Some(minute) = first(minutes, from.minute() + 1) {
                return time(from.hour(), minute, *seconds.first()?);
            }
        }
        let hour = first(hours, from.hour() + 1)?;
        time(hour, *minutes.first()?, *seconds.first()?)
    }

    fn time_until(&self, until: Time) -> Option<Time> {
        let last = |values: &[i8], until: i8| values.iter().copied().rfind(|value| *value <= until);
        let (hours, minutes, seconds) = (&self.hours, &self.minutes, &self.seconds);
        if hours.binary_search(&until.hour()).is_ok() {
            if minutes.binary_search(&until.minute()).is_ok()
                && let Some(second) = last(seconds, until.second())
            {
                return time(until.hour(), until.minute(), second);
            }
            if let Some(minute) = last(minutes, until.minute() - 1) {
                return time(until.hour(), minute, *seconds.last()?);
            }
        }
        let hour = last(hours, until.hour() - 1)?;
        time(hour, *minutes.last()?, *seconds.last()?)
    }
}

fn time(hour: i8, minute: i8, second: i8) -> Option<Time> {
    Time::new(hour, minute, second, 0).ok()
}
