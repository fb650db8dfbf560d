//! Durations, numbers, names and texts of others, as people read them.

use std::time::Duration;

/// `840 µs`, `12 ms`, `3.2 s`, `4 min 05 s`, `2 h 07 min`.
pub fn duration(span: Duration) -> String {
    let micros = span.as_micros();
    let seconds = span.as_secs();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{:.1} ms", span.as_secs_f64() * 1e3),
        10_000..1_000_000 => format!("{} ms", span.as_millis()),
        1_000_000..60_000_000 => format!("{:.1} s", span.as_secs_f64()),
        60_000_000..3_600_000_000 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// `1,234,567`.
pub fn number(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 task`, `3 tasks`.
pub fn counted(count: usize, what: &str) -> String {
    format!(
        "{} {what}{}",
        number(count),
        if count == 1 { "" } else { "s" }
    )
}

/// The first `most` characters, and whether that is all. Control characters
/// are replaced, since guests' texts must not steer the terminal.
pub fn truncated(text: &str, most: usize) -> (String, bool) {
    let mut letters = text.chars();
    let shown: String = letters
        .by_ref()
        .take(most)
        .map(|letter| {
            if letter.is_control() && letter != '\n' && letter != '\t' {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect();
    (shown, letters.next().is_some())
}

/// A structured line's fields, to stand behind its message.
pub fn fields(fields: &[(String, String)]) -> String {
    let mut text = String::new();
    for (key, value) in fields {
        text.push(' ');
        text.push_str(key);
        text.push('=');
        text.push_str(value);
    }
    text
}

/// One line of a guest's text.
pub fn line(text: &str, most: usize) -> String {
    let first = text.lines().next().unwrap_or_default();
    let (shown, cut) = truncated(first, most);
    let shown = shown.replace('\t', "  ");
    if cut || first.len() < text.trim_end().len() {
        format!("{shown}…")
    } else {
        shown
    }
}

/// 'did you mean', or all the names there are.
pub fn suggestion<'a>(
    wrong: &str,
    names: impl Iterator<Item = &'a str> + Clone,
    what: &str,
) -> String {
    if let Some(near) = nearest(wrong, names.clone()) {
        return format!("did you mean {near:?}?");
    }
    let all = listed(names);
    if all.is_empty() {
        format!("there are no {what}")
    } else {
        format!("the {what} are: {all}")
    }
}

/// The first names, in order.
pub fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MAX_LISTED: usize = 20;
    let names: Vec<&str> = names.take(MAX_LISTED + 1).collect();
    let mut text = names[..names.len().min(MAX_LISTED)].join(", ");
    if names.len() > MAX_LISTED {
        text.push_str(", ...");
    }
    text
}

/// The known name that is closest to a misspelt one.
pub fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.8;
    names
        .map(|name| (strsim::jaro_winkler(wrong, name), name))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_numbers_read_well() {
        for (micros, shown) in [
            (7, "7 µs"),
            (1_240, "1.2 ms"),
            (84_900, "84 ms"),
            (3_240_000, "3.2 s"),
            (245_000_000, "4 min 05 s"),
            (7_620_000_000, "2 h 07 min"),
        ] {
            assert_eq!(duration(Duration::from_micros(micros)), shown);
        }
        assert_eq!(number(7), "7");
        assert_eq!(number(1_234_567), "1,234,567");
    }

    #[test]
    fn a_guest_cannot_steer_the_terminal() {
        assert_eq!(line("\u{1b}[2Jgone\r\nsecond", 80), "\u{fffd}[2Jgone…");
        assert_eq!(truncated("abc", 2), ("ab".into(), true));
        assert_eq!(truncated("abc", 3), ("abc".into(), false));
    }
}
