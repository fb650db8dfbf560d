//! The level of a log line, and its text without colours.

use crate::problem::{Code, Problem};
use std::{borrow::Cow, collections::BTreeMap};
use weft_api::LogSource;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

/// Words with which a line of a program names its level.
const WORDS: [(&str, Level); 11] = [
    ("error", Level::Error),
    ("fatal", Level::Error),
    ("panic", Level::Error),
    ("panicked", Level::Error),
    ("exception", Level::Error),
    ("traceback", Level::Error),
    ("critical", Level::Error),
    ("warn", Level::Warn),
    ("warning", Level::Warn),
    ("debug", Level::Debug),
    ("trace", Level::Debug),
];
/// Characters such as brackets that may precede the word.
const MAX_MARKS: usize = 3;

impl Level {
    const ALL: [(&'static str, Self); 4] = [
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
    ];

    /// The level that a line's source says, else the one that its first word names.
    pub(super) fn of(source: LogSource, message: &str) -> Self {
        match source {
            LogSource::Error => Self::Error,
            LogSource::Warn => Self::Warn,
            LogSource::Info => Self::Info,
            LogSource::Debug | LogSource::Trace => Self::Debug,
            LogSource::Stdout | LogSource::Stderr | LogSource::Weft => Self::of_text(message),
        }
    }

    fn of_text(message: &str) -> Self {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let begin = message.char_indices().take(MAX_MARKS + 1);
        let Some((begin, _first)) = begin.into_iter().find(|(_at, c)| is_word(*c)) else {
            return Self::Info;
        };
        let rest = &message[begin..];
        let word = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
        WORDS
            .iter()
            .find(|(known, _level)| word.eq_ignore_ascii_case(known))
            .map_or(Self::Info, |(_word, level)| *level)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Levels(u8);

impl Levels {
    pub(super) const fn has(self, level: Level) -> bool {
        self.0 & level.bit() != 0
    }
}

/// Reads names of levels, separated by commas.
pub(super) fn read_list(text: &str) -> Result<Levels, Problem> {
    let mut bits = 0;
    for name in text.split(',') {
        let known = Level::ALL.iter().find(|(known, _level)| *known == name);
        let Some((_name, level)) = known else {
            let detail = "`level` is a list of error, warn, info and debug";
            return Err(Problem::new(Code::InvalidValue, detail));
        };
        bits |= level.bit();
    }
    Ok(Levels(bits))
}

/// How many lines each level has.
#[derive(Debug, Default)]
pub(super) struct LevelCounts([u64; 4]);

impl LevelCounts {
    pub(super) const fn count(&mut self, level: Level) {
        self.0[level as usize] += 1;
    }

    /// The counts by name, without those that are zero.
    pub(super) fn named(&self) -> BTreeMap<String, u64> {
        let all = Level::ALL
            .iter()
            .map(|(name, level)| (*name, self.0[*level as usize]));
        all.filter(|(_name, count)| *count > 0)
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    }
}

/// The text without the sequences that colour it on a terminal.
pub(super) fn without_colours(message: &str) -> Cow<'_, str> {
    if !message.contains("\u{1b}[") {
        return Cow::Borrowed(message);
    }
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find("\u{1b}[") {
        text.push_str(&rest[..at]);
        let sequence = &rest[at + 2..];
        let end = sequence.find(|c: char| !matches!(c, '0'..='9' | ';'));
        rest = match end {
            Some(end) if sequence[end..].starts_with('m') => &sequence[end + 1..],
            // Another command: it stays.
            _other => {
                text.push_str("\u{1b}[");
                sequence
            }
        };
    }
    text.push_str(rest);
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_level_that_its_source_or_first_word_says() {
        let level = |text| Level::of(LogSource::Stderr, text);
        assert_eq!(level("ERROR: no such file"), Level::Error);
        assert_eq!(level("[warn] late"), Level::Warn);
        assert_eq!(level("Traceback (most recent call last):"), Level::Error);
        assert_eq!(level("errors: none"), Level::Info);
        assert_eq!(level("2026 error"), Level::Info);
        assert_eq!(level(""), Level::Info);
        assert_eq!(Level::of(LogSource::Trace, "error"), Level::Debug);
    }

    #[test]
    fn colours_are_left_out_and_other_commands_stay() {
        assert_eq!(without_colours("plain"), "plain");
        assert_eq!(without_colours("\u{1b}[1;31mred\u{1b}[0m x"), "red x");
        assert_eq!(without_colours("a\u{1b}[2Kb\u{1b}["), "a\u{1b}[2Kb\u{1b}[");
    }

    #[test]
    fn a_list_names_levels() {
        let levels = read_list("error,debug").unwrap();
        assert!(levels.has(Level::Error) && levels.has(Level::Debug) && !levels.has(Level::Warn));
        assert!(read_list("loud").is_err());
    }
}
