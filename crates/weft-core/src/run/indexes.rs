//! Map indexes that a person names: `3,7-9`.
//!
//! Ranges in ascending order that neither overlap nor touch, so that one set has one form.

use std::{fmt, ops::Range, str::FromStr};

/// The most ranges of a set.
pub const MAX_INDEX_RANGES: usize = 1_000;

/// A set of map indexes; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexes(Vec<Range<u32>>);

/// Why a text names no map indexes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexesError {
    /// There is none.
    #[error("no map index is named; write numbers and ranges, as in 3,7-9")]
    Empty,
    /// A part is neither a number nor a range.
    #[error("{0:?} is no map index and no range of them; write numbers and ranges, as in 3,7-9")]
    Part(String),
    /// A range ends before it begins.
    #[error("the range {0} ends before it begins")]
    Backwards(String),
    /// More than [`MAX_INDEX_RANGES`].
    #[error("at most {MAX_INDEX_RANGES} ranges of map indexes can be named, not {0}")]
    TooMany(usize),
}

impl Indexes {
    /// The set of these ranges, in any order; the error if there is nothing in them, or too many.
    ///
    /// # Errors
    /// See [`IndexesError`].
    pub fn of(ranges: impl IntoIterator<Item = Range<u32>>) -> Result<Self, IndexesError> {
        let mut ranges: Vec<Range<u32>> = ranges.into_iter().filter(|it| !it.is_empty()).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<Range<u32>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                Some(_) | None => merged.push(range),
            }
        }
        match merged.len() {
            0 => Err(IndexesError::Empty),
            1..=MAX_INDEX_RANGES => Ok(Self(merged)),
            more => Err(IndexesError::TooMany(more)),
        }
    }

    /// The ranges in ascending order.
    pub fn ranges(&self) -> &[Range<u32>] {
        &self.0
    }

    /// Whether an index is one of them.
    pub fn contains(&self, index: u32) -> bool {
        let after = self.0.partition_point(|range| range.start <= index);
        after > 0 && self.0[after - 1].contains(&index)
    }

    /// The first index behind all of them.
    pub fn end(&self) -> u32 {
        self.0.last().map_or(0, |range| range.end)
    }
}

impl FromStr for Indexes {
    type Err = IndexesError;

    fn from_str(text: &str) -> Result<Self, IndexesError> {
        let mut ranges = Vec::new();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            if ranges.len() > MAX_INDEX_RANGES {
                return Err(IndexesError::TooMany(text.split(',').count()));
            }
            ranges.push(range_of(part)?);
        }
        Self::of(ranges)
    }
}

fn range_of(part: &str) -> Result<Range<u32>, IndexesError> {
    let none = || IndexesError::Part(part.chars().take(40).collect());
    // The end of a range is one more than its last index.
    let number = |text: &str| match text.trim().parse::<u32>() {
        Ok(number) if number < u32::MAX => Ok(number),
        Ok(_) | Err(_) => Err(none()),
    };
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let (first, last) = (number(first)?, number(last)?);
    if last < first {
        return Err(IndexesError::Backwards(part.to_owned()));
    }
    Ok(first..last + 1)
}

impl fmt::Display for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, range) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match range.end - range.start {
                1 => write!(f, "{comma}{}", range.start)?,
                _ => write!(f, "{comma}{}-{}", range.start, range.end - 1)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges_are_sorted_and_merged() {
        let indexes: Indexes = "7-9, 3,8-11,12".parse().unwrap();
        assert_eq!(indexes.ranges(), [3..4, 7..13]);
        assert_eq!(indexes.to_string(), "3,7-12");
        assert_eq!(indexes.to_string().parse(), Ok(indexes.clone()));
        let inside: Vec<u32> = (0..20).filter(|index| indexes.contains(*index)).collect();
        assert_eq!(inside, [3, 7, 8, 9, 10, 11, 12]);
        assert_eq!(indexes.end(), 13);
    }

    #[test]
    fn a_text_that_names_no_indexes_is_refused() {
        let refused = |text: &str| text.parse::<Indexes>().unwrap_err();
        assert_eq!(refused(" , "), IndexesError::Empty);
        assert_eq!(refused("1,x"), IndexesError::Part("x".into()));
        assert_eq!(refused("-1"), IndexesError::Part("-1".into()));
        assert_eq!(refused("9-7"), IndexesError::Backwards("9-7".into()));
        let last = u32::MAX.to_string();
        assert_eq!(refused(&last), IndexesError::Part(last.clone()));
        let many: Vec<String> = (0..2_000).map(|index| (index * 2).to_string()).collect();
        assert!(matches!(refused(&many.join(",")), IndexesError::TooMany(_)));
    }
}
