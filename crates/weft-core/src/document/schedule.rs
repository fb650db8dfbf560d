//! When a DAG runs by itself, as the author wrote it, checked.
//!
//! The timetable that makes dates of it is not here. Zones are looked up in
//! the database that is compiled in, never in the system's.

use crate::{
    cron::Cron,
    time::{DurationMs, Timestamp},
};
use croner::parser::{CronParser, Seconds, Year};
use jiff::{
    civil,
    tz::{TimeZone, TimeZoneDatabase},
};
use std::{fmt, sync::LazyLock};

/// The shortest distance between scheduled runs.
pub const MIN_INTERVAL: DurationMs = DurationMs(1_000);

/// The longest text of a schedule, zone or date, in bytes.
const MAX_TEXT_BYTES: usize = 200;

/// When runs start by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Five fields: minute, hour, day, month, weekday; or six, with seconds in
    /// front. A preset such as `@daily` is stored as its fields.
    Cron(String),
    /// At this distance, at least [`MIN_INTERVAL`].
    Every(DurationMs),
    /// One run, at the start.
    Once,
    /// A run as soon as the one before has ended.
    Continuous,
    /// One run at each of these moments, which are in order.
    Dates(Vec<Timestamp>),
    /// Whenever one of these says so: [`Self::Cron`], [`Self::Every`] and at most one [`Self::Dates`].
    Several(Vec<Self>),
}

/// Airflow's presets; each means the first moment of its period.
const PRESETS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@quarterly", "0 0 1 */3 *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

impl Schedule {
    /// Reads a cron expression, a preset (`@daily`, `@once`, `@continuous`), or an interval (`every 15m`).
    pub(crate) fn read(text: &str) -> Result<Self, (String, Option<String>)> {
        let text = text.trim();
        if text.len() > MAX_TEXT_BYTES {
            return Err((
                format!("a schedule has at most {MAX_TEXT_BYTES} bytes"),
                None,
            ));
        }
        match text {
            "@once" => return Ok(Self::Once),
            "@continuous" => return Ok(Self::Continuous),
            _ => {}
        }
        if text.starts_with('@') {
            if let Some((_, fields)) = PRESETS.iter().find(|(name, _)| *name == text) {
                return Ok(Self::Cron((*fields).into()));
            }
            let known = PRESETS
                .iter()
                .map(|(name, _)| *name)
                .chain(["@once", "@continuous"]);
            let help = super::fields::did_you_mean(text, known.clone())
                .unwrap_or_else(|| format!("known are {}", known.collect::<Vec<_>>().join(", ")));
            return Err((
                format!("there is no preset {}", super::path::quoted(text)),
                Some(help),
            ));
        }
        if let Some(span) = text.strip_prefix("every ") {
            return match span.parse::<DurationMs>() {
                Ok(span) if span >= MIN_INTERVAL => Ok(Self::Every(span)),
                Ok(span) => Err((
                    format!(
                        "runs every {span} are too many; at least {MIN_INTERVAL} must lie between them"
                    ),
                    None,
                )),
                Err(error) => Err((error.to_string(), None)),
            };
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .build();
        match parser.parse(text) {
            Ok(_) if !Cron::read(text).is_some_and(|cron| cron.has_ticks()) => Err((
                format!("{} names a date that no year has", super::path::quoted(text)),
                Some("correct the day of the month or the month: no month has more than 31 days, and February at most 29".into()),
            )),
            Ok(_) => Ok(Self::Cron(text.split_whitespace().collect::<Vec<_>>().join(" "))),
            Err(error) => Err((
                format!("{} is no schedule: {}", super::path::quoted(text), error.to_string().trim_end_matches('.')),
                Some("write minute, hour, day of month, month and weekday, such as \"0 6 * * *\", or a preset such as \"@daily\", or \"every 15m\"".into()),
            )),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cron(text) => f.write_str(text),
            Self::Every(span) => write!(f, "every {span}"),
            Self::Once => f.write_str("@once"),
            Self::Continuous => f.write_str("@continuous"),
            Self::Dates(dates) => write_list(f, dates),
            Self::Several(schedules) => write_list(f, schedules),
        }
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, items: &[impl fmt::Display]) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        let separator = if at == 0 { "" } else { "; " };
        write!(f, "{separator}{item}")?;
    }
    Ok(())
}

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A zone by its IANA name.
pub(crate) fn zone(name: &str) -> Result<TimeZone, Option<String>> {
    if name.len() <= MAX_TEXT_BYTES {
        if let Ok(zone) = ZONES.get(name) {
            return Ok(zone);
        }
        let known: Vec<String> = ZONES
            .available()
            .map(|name| name.as_str().to_owned())
            .collect();
        return Err(super::fields::did_you_mean(
            name,
            known.iter().map(String::as_str),
        ));
    }
    Err(None)
}

/// A date, a date and time in the zone, or RFC 3339.
pub(crate) fn date(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let text = text.trim();
    if text.len() > MAX_TEXT_BYTES {
        return Err(format!("a date has at most {MAX_TEXT_BYTES} bytes"));
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let local = text.parse::<civil::DateTime>().map_err(|error| {
        format!("{} is no date (such as 2026-11-21, or 2026-11-21T06:00:00, or with an offset): {error}", super::path::quoted(text))
    })?;
    let at = zone
        .to_timestamp(local)
        .map_err(|error| error.to_string())?;
    Ok(Timestamp(at.as_millisecond()))
}
