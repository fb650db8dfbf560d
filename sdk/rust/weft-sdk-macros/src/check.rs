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

/// Presets of a schedule.
const PRESETS: [&str; 9] = [
    "@once",
    "@continuous",
    "@hourly",
    "@daily",
    "@midnight",
    "@weekly",
    "@monthly",
    "@quarterly",
    "@yearly",
];

/// The longest id, in bytes.
const MAX_ID_BYTES: usize = 250;

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

/// A schedule: a preset, an interval, or cron.
pub(crate) fn schedule(text: &str) -> Result<(), String> {
    let text = text.trim();
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
    if fields.len() < 5 && duration(text).is_ok() {
        return Ok(());
    }
    if !(5..=7).contains(&fields.len()) {
        return Err(format!(
            "{text:?} is no schedule: cron has five fields (minute hour day month weekday), this has {}; \
             or write \"@daily\" or an interval such as \"15m\"",
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
    fn schedules_are_presets_intervals_and_cron() {
        for good in [
            "0 6 * * *",
            "*/5 0-6,12 * JAN MON-FRI",
            "@daily",
            "15m",
            "0 0 L * *",
            "30 0 6 * * *",
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
        ] {
            assert!(schedule(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_and_ids() {
        assert_eq!(size("256MiB"), Ok(()));
        assert_eq!(size("1.5 GB"), Ok(()));
        assert!(size("lots").is_err() && size("MiB").is_err());
        assert_eq!(id("a.b-c_1"), Ok(()));
        assert!(id("").is_err() && id("-a").is_err() && id("a b").is_err() && id("ä").is_err());
    }
}
