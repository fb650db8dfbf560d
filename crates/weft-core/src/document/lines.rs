//! Lines and columns of a text.

use super::Position;

/// Finds lines in a text. It stores no list of line breaks: for a text of line breaks
/// alone that would be many times its size, and few positions are looked up.
pub(crate) struct Lines<'a>(pub(crate) &'a str);

impl Lines<'_> {
    /// Line and column of an offset in bytes.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let offset = self.0.floor_char_boundary(offset.min(self.0.len()));
        let before = &self.0[..offset];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[start..].chars().count() + 1,
            offset,
        }
    }

    /// The offset of a line and a column in bytes, both from 1, as `serde_json` counts them.
    pub(crate) fn offset(&self, line: usize, column: usize) -> usize {
        let start = match line.checked_sub(2) {
            None => 0,
            Some(breaks) => self
                .0
                .match_indices('\n')
                .nth(breaks)
                .map_or(self.0.len(), |(at, _)| at + 1),
        };
        start + column.saturating_sub(1)
    }
}
