//! Days on which a schedule makes no runs.

use jiff::civil::{Date, date};
use std::collections::BTreeSet;

/// The most holidays of one DAG.
pub const MAX_HOLIDAYS: usize = 2_000;
/// A leap year, so that the 29th of February can be a holiday.
const LEAP_YEAR: i16 = 2024;

/// Days, single ones and those of each year.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holidays {
    days: BTreeSet<Date>,
    /// Month and day.
    yearly: BTreeSet<(i8, i8)>,
}

impl Holidays {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.days.is_empty() && self.yearly.is_empty()
    }

    /// Whether a day is one.
    pub fn contains(&self, day: Date) -> bool {
        self.days.contains(&day) || self.yearly.contains(&(day.month(), day.day()))
    }

    /// Adds `2026-12-25`, or `12-25` of each year; `None` where the text is no day.
    pub(crate) fn add(&mut self, text: &str) -> Option<()> {
        if text.len() == "12-25".len() {
            let (month, day) = text.split_once('-')?;
            let of_year = Date::new(LEAP_YEAR, month.parse().ok()?, day.parse().ok()?).ok()?;
            self.yearly.insert((of_year.month(), of_year.day()));
        } else if text.len() == "2026-12-25".len() {
            self.days.insert(text.parse().ok()?);
        } else {
            return None;
        }
        Some(())
    }

    /// Whether no day of any year is left.
    pub(crate) fn leave_no_day(&self) -> bool {
        let first = date(LEAP_YEAR, 1, 1);
        let days = first.series(jiff::Span::new().days(1)).take(366);
        days.into_iter()
            .all(|day| self.yearly.contains(&(day.month(), day.day())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_singly_and_of_each_year() {
        let mut holidays = Holidays::default();
        assert!(holidays.is_empty());
        for text in ["2026-12-25", "02-29", "01-01"] {
            assert_eq!(holidays.add(text), Some(()), "{text}");
        }
        assert!(holidays.contains(date(2026, 12, 25)));
        assert!(!holidays.contains(date(2027, 12, 25)));
        assert!(holidays.contains(date(2030, 1, 1)));
        assert!(holidays.contains(date(2028, 2, 29)));
        for text in [
            "",
            "25.12.2026",
            "2026-02-29",
            "13-01",
            "12-32",
            "1-1",
            "12-2é",
        ] {
            assert_eq!(holidays.add(text), None, "{text}");
        }
        assert!(!holidays.leave_no_day());
    }
}
