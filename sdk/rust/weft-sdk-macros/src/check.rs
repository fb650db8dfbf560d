//! What can be said about a literal at once: durations, sizes, cron texts,
//! trigger rules, ids. Whether a time zone exists and such is left to the
//! validation of the document, which knows more.

/// Units of a duration, as `humantime` reads them.
const DURATION_UNITS: [&str; 28] = [
    "nsec", "ns", "usec", "us", "msec", "ms", "seconds", "second", "secs", "sec", "s", "minutes",
    "minute", "mins", "min", "m", "hours", "hour", "hrs", "hr", "h", "days", "day", "d", "weeks",
    "week", "w", "millis",
];

const TRIGGER_RULES: [&str; 12] = [
    "all_success",
    "all_failed",
    "all_done",
    "all_done_min_one_success",
    "all_skipped",
    "one_failed",
    "one_success",
    "one_done",
    "none_failed",
    "none_failed_min_one_success",
    "none_skipped",
    "always",
];

/// What a missed deadline does.
const ON_MISSED_DEADLINE: [&str; 2] = ["notify", "stop"];
/// How tasks get their priorities.
const PRIORITY_RULES: [&str; 2] = ["absolute", "inherited"];

/// Codes of failures that a task can have retried.
const FAILURE_CODES: [&str; 19] = [
    "author",
    "trap",
    "stack_overflow",
    "exit",
    "timeout",
    "cpu_limit",
    "memory_limit",
    "table_limit",
    "output_limit",
    "scratch_limit",
    "artifact_limit",
    "handle_limit",
    "host_call_limit",
    "invalid_output",
    "invalid_entry",
    "denied",
    "cancelled",
    "no_slot",
    "internal",
];

/// Presets of a schedule.
const PRESETS: [&str; 8] = [
    "@once",
    "@continuous",
    "@hourly",
    "@daily",
    "@weekly",
    "@monthly",
    "@quarterly",
    "@yearly",
];

/// Schedules that can't be in a list.
const ALONE: [&str; 2] = ["@once", "@continuous"];

/// The most days of each month.
const MONTHS: [usize; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The longest id, in bytes.
const MAX_ID_BYTES: usize = 250;

/// The longest name of an asset, in bytes.
const MAX_ASSET_BYTES: usize = 250;

/// "30s", "1h30m".
pub(crate) fn duration(text: &str) -> Result<(), String> {
    let fault = || format!("{text:?} is no duration; write it as \"30s\", \"5m\" or \"1h30m\"");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(fault());
    }
    if rest == "0" {
        return Ok(());
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let after = rest[digits..].trim_start();
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_alphabetic()).len();
        if digits == 0 || !DURATION_UNITS.contains(&&after[..letters]) {
            return Err(fault());
        }
        rest = after[letters..].trim_start();
    }
    Ok(())
}

/// "256MiB", "1 GB".
pub(crate) fn size(text: &str) -> Result<(), String> {
    let text = text.trim();
    let number = text.len()
        - text
            .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
            .len();
    let unit = text[number..].trim_start().to_ascii_lowercase();
    let known = [
        "", "b", "kb", "kib", "k", "mb", "mib", "m", "gb", "gib", "g", "tb", "tib", "t",
    ];
    if number == 0 || text[..number].parse::<f64>().is_err() || !known.contains(&unit.as_str()) {
        return Err(format!(
            "{text:?} is no size; write it as \"256MiB\" or \"1GiB\""
        ));
    }
    Ok(())
}

/// A name of a trigger rule.
pub(crate) fn trigger_rule(text: &str) -> Result<(), String> {
    if TRIGGER_RULES.contains(&text) {
        return Ok(());
    }
    Err(format!(
        "{text:?} is no trigger rule; there are {}",
        TRIGGER_RULES.join(", ")
    ))
}

/// What happens when a deadline is missed.
pub(crate) fn on_missed_deadline(text: &str) -> Result<(), String> {
    if ON_MISSED_DEADLINE.contains(&text) {
        return Ok(());
    }
    Err(format!(
        "a missed deadline can't do {text:?}; there are {}",
        ON_MISSED_DEADLINE.join(", ")
    ))
}

/// How tasks get their priorities.
pub(crate) fn priority_rule(text: &str) -> Result<(), String> {
    if PRIORITY_RULES.contains(&text) {
        return Ok(());
    }
    Err(format!(
        "{text:?} is no priority rule; there are {}",
        PRIORITY_RULES.join(", ")
    ))
}

/// The code of a failure.
pub(crate) fn failure_code(text: &str) -> Result<(), String> {
    if FAILURE_CODES.contains(&text) {
        return Ok(());
    }
    Err(format!(
        "no attempt fails with the code {text:?}; there are {}",
        FAILURE_CODES.join(", ")
    ))
}

/// An id of a DAG or a task.
pub(crate) fn id(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if starts && text.chars().all(fits) && text.len() <= MAX_ID_BYTES {
        return Ok(());
    }
    Err(format!(
        "{text:?} is no id; it has letters, digits, '_', '-' and '.', starts with a letter, a digit or '_', \
         and has at most {MAX_ID_BYTES} bytes"
    ))
}

/// The name of an asset.
pub(crate) fn asset(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-./:@+=%~".contains(c);
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if starts && text.chars().all(fits) && text.len() <= MAX_ASSET_BYTES {
        return Ok(());
    }
    Err(format!(
        "{text:?} is no asset: its name has letters, digits and the characters _ - . / : @ + = % ~, starts with a letter, \
         a digit or '_', and has at most {MAX_ASSET_BYTES} bytes"
    ))
}

/// A schedule: a preset, an interval, cron, or a date.
pub(crate) fn schedule(text: &str) -> Result<(), String> {
    let text = text.trim();
    if let Some(span) = text.strip_prefix("every ") {
        return duration(span);
    }
    if starts_with_year(text) {
        return date(text);
    }
    if text.starts_with('@') {
        let known = PRESETS.contains(&text) || text == "@annually";
        return if known {
            Ok(())
        } else {
            Err(format!(
                "{text:?} is no preset; there are {}",
                PRESETS.join(", ")
            ))
        };
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if !(5..=6).contains(&fields.len()) {
        return Err(format!(
            "{text:?} is no schedule: cron has five fields (minute hour day month weekday), this has {}; \
             or write \"@daily\" or an interval such as \"every 15m\"",
            fields.len()
        ));
    }
    if fields.len() == 5 {
        let bounds = [
            ("minute", 0, 59),
            ("hour", 0, 23),
            ("day", 1, 31),
            ("month", 1, 12),
            ("weekday", 0, 7),
        ];
        for (field, (name, least, most)) in fields.iter().zip(bounds) {
            cron_field(field, name, least, most)?;
        }
    }
    Ok(())
}

/// A schedule that is one of several.
pub(crate) fn one_schedule(text: &str) -> Result<(), String> {
    if ALONE.contains(&text.trim()) {
        return Err(format!(
            "{text:?} can't be one of several schedules; write it as the only one"
        ));
    }
    schedule(text)
}

/// A day on which a schedule makes no runs: "2026-12-25", or "12-25" of each year.
pub(crate) fn holiday(text: &str) -> Result<(), String> {
    let day = if starts_with_year(text) {
        &text[5..]
    } else {
        text
    };
    if is_day(day) {
        return Ok(());
    }
    Err(format!(
        "{text:?} is no day; write \"2026-12-25\", or \"12-25\" for that day of each year"
    ))
}

/// "2026-12-24", "2026-12-24T06:00". The time is left to the document's validation.
fn date(text: &str) -> Result<(), String> {
    let (day, rest) = text[5..].split_at_checked(5).unwrap_or_default();
    if is_day(day) && (rest.is_empty() || rest.starts_with(['T', 't', ' '])) {
        return Ok(());
    }
    Err(format!(
        "{text:?} is no date; write it as \"2026-12-24\" or \"2026-12-24T06:00\""
    ))
}

/// "2026-"
fn starts_with_year(text: &str) -> bool {
    let year = text.split_once('-').map(|(year, _)| year);
    year.is_some_and(|year| year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()))
}

/// "12-25"
fn is_day(text: &str) -> bool {
    let number = |text: &str| {
        let is_whole = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_whole.then(|| text.parse::<usize>().ok()).flatten()
    };
    let Some((month, day)) = text.split_once('-') else {
        return false;
    };
    let (Some(month), Some(day)) = (number(month), number(day)) else {
        return false;
    };
    let most = month.checked_sub(1).and_then(|month| MONTHS.get(month));
    most.is_some_and(|most| (1..=*most).contains(&day))
}

/// Checks the numbers of a field and its characters; names and `L`, `W`, `#`
/// are left to the timetable.
fn cron_field(field: &str, name: &str, least: u32, most: u32) -> Result<(), String> {
    for part in field.split(',') {
        let (range, step) = part
            .split_once('/')
            .map_or((part, None), |(range, step)| (range, Some(step)));
        if step.is_some_and(|step| step.parse::<u32>().is_ok_and(|step| step == 0)) {
            return Err(format!(
                "the {name} {field:?} of the schedule has the step 0"
            ));
        }
        for number in range.split('-') {
            if number.is_empty() {
                return Err(format!(
                    "the {name} {field:?} of the schedule lacks a number"
                ));
            }
            if number
                .parse::<u32>()
                .is_ok_and(|number| !(least..=most).contains(&number))
            {
                return Err(format!(
                    "the {name} {number} of the schedule is not within {least} to {most}"
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_what_the_parser_of_the_document_reads() {
        for good in ["30s", "5m", "1h30m", "1h 30m", "250ms", "2days", "0"] {
            assert_eq!(duration(good), Ok(()), "{good}");
        }
        for bad in ["", "30", "s", "5 parsecs", "-5s", "1.5h", "5m3"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn schedules_are_presets_intervals_cron_and_dates() {
        for good in [
            "0 6 * * *",
            "*/5 0-6,12 * JAN MON-FRI",
            "@daily",
            "@once",
            "every 15m",
            "every 1h 30m",
            "0 0 L * *",
            "30 0 6 * * *",
            "2026-12-24",
            "2026-12-24T06:00",
            "2026-12-24 06:00:00",
            "2026-12-24T06:00:00+01:00",
        ] {
            assert_eq!(schedule(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "0 6 * *",
            "61 * * * *",
            "* 24 * * *",
            "@dayly",
            "*/0 * * * *",
            "1- * * * *",
            "@midnight",
            "15m",
            "every day",
            "0 0 6 * * * 2026",
            "2026-13-24",
            "2026-12-32T06:00",
            "2026-12-24+06:00",
            "2026-",
        ] {
            assert!(schedule(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn some_schedules_are_alone() {
        assert_eq!(one_schedule("0 6 * * *"), Ok(()));
        for alone in ALONE {
            assert_eq!(schedule(alone), Ok(()));
            assert!(one_schedule(alone).is_err(), "{alone}");
        }
        assert!(one_schedule("0 6 * *").is_err());
    }

    #[test]
    fn holidays_are_days() {
        for good in ["2026-12-25", "12-25", "02-29", "01-01"] {
            assert_eq!(holiday(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "25.12.2026",
            "1-1",
            "12-32",
            "13-01",
            "00-01",
            "06-31",
            "12-2é",
            "+1-01",
            "2026-12-25T06:00",
            "2026-1-1",
            "2026-",
            " 12-25",
        ] {
            assert!(holiday(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_those_of_the_schema() {
        let schema = include_str!("../../../../wit/dag.schema.json");
        for (field, known) in [
            ("trigger_rule", &TRIGGER_RULES[..]),
            ("retry_on", &FAILURE_CODES[..]),
            ("on_missed_deadline", &ON_MISSED_DEADLINE[..]),
            ("priority_rule", &PRIORITY_RULES[..]),
        ] {
            // Where it is defined, which is after the fields that refer to it.
            let (_, field) = schema
                .rsplit_once(&format!("\"{field}\": {{"))
                .expect("a field");
            let (_, names) = field.split_once("\"enum\": [").expect("its names");
            let (names, _) = names.split_once(']').expect("their end");
            let names: Vec<&str> = names
                .split(',')
                .map(|name| name.trim().trim_matches('"'))
                .collect();
            assert_eq!(names, known);
        }
    }

    #[test]
    fn sizes_and_names() {
        assert_eq!(size("256MiB"), Ok(()));
        assert_eq!(size("1.5 GB"), Ok(()));
        assert!(size("lots").is_err() && size("MiB").is_err());
        assert_eq!(id("a.b-c_1"), Ok(()));
        assert_eq!(asset("s3://lake/orders"), Ok(()));
        assert!(asset("").is_err() && asset("/a").is_err() && asset("a b").is_err());
        assert!(id("").is_err() && id("-a").is_err() && id("a b").is_err() && id("ä").is_err());
    }
}
