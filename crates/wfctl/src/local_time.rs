//! Points in time for people: in their own zone, and in tables short.

use jiff::{Timestamp as Moment, tz::TimeZone};
use std::time::Duration;
use weft_api::Time;
use weft_core::time::Timestamp;

/// The zone of the person who reads: `TZ`, or the machine's.
#[derive(Debug, Clone)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// The reader's own.
    pub(crate) fn local() -> Self {
        Self(TimeZone::system())
    }

    #[cfg(test)]
    pub(crate) fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// `2026-11-21 06:00:00`.
    pub(crate) fn shown(&self, at: Time) -> String {
        let Timestamp(ms) = at.0;
        Moment::from_millisecond(ms).map_or_else(
            |_beyond| at.to_string(),
            |moment| {
                moment
                    .to_zoned(self.0.clone())
                    .strftime("%Y-%m-%d %H:%M:%S")
                    .to_string()
            },
        )
    }

    /// The same, or a dash.
    pub(crate) fn shown_some(&self, at: Option<Time>) -> String {
        at.map_or_else(|| "-".to_owned(), |at| self.shown(at))
    }

    /// What a user wrote: RFC 3339, or a date or a date and time in their own zone.
    ///
    /// # Errors
    /// A text that is none of them, as what is wrong with it.
    pub(crate) fn parse(&self, text: &str) -> Result<Time, String> {
        if let Ok(time) = text.parse::<Time>() {
            return Ok(time);
        }
        let civil: jiff::civil::DateTime = text.replacen(' ', "T", 1).parse().map_err(|_error| {
            format!("{text:?} is no date: write 2026-11-21, 2026-11-21T06:00 or 2026-11-21T06:00:00Z")
        })?;
        let moment = civil
            .to_zoned(self.0.clone())
            .map_err(|error| error.to_string())?
            .timestamp();
        Ok(Time(Timestamp(moment.as_millisecond())))
    }
}

/// From one point to another; nothing where they are the wrong way round.
pub(crate) fn between(from: Time, to: Time) -> Duration {
    let (Timestamp(from), Timestamp(to)) = (from.0, to.0);
    Duration::from_millis(u64::try_from(to.saturating_sub(from)).unwrap_or(0))
}

/// This machine's clock.
pub(crate) fn now() -> Time {
    Time(Timestamp(Moment::now().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_as_its_writer_means_it() {
        let berlin = Zone(TimeZone::get("Europe/Berlin").unwrap());
        for (text, utc) in [
            ("2026-11-21", "2026-11-20T23:00:00Z"),
            ("2026-07-01 06:30", "2026-07-01T04:30:00Z"),
            ("2026-11-21T06:00:00Z", "2026-11-21T06:00:00Z"),
            ("2026-11-21T06:00:00+05:00", "2026-11-21T01:00:00Z"),
        ] {
            assert_eq!(berlin.parse(text).unwrap().to_string(), utc, "{text}");
        }
        for bad in ["", "tomorrow", "2026-13-01", "21.11.2026"] {
            assert!(
                berlin.parse(bad).unwrap_err().contains("2026-11-21"),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_time_is_shown_in_the_readers_zone() {
        let at: Time = "2026-11-20T23:00:00.125Z".parse().unwrap();
        assert_eq!(
            Zone(TimeZone::get("Europe/Berlin").unwrap()).shown(at),
            "2026-11-21 00:00:00"
        );
        assert_eq!(Zone::utc().shown(at), "2026-11-20 23:00:00");
        assert_eq!(Zone::utc().shown_some(None), "-");
    }
}
