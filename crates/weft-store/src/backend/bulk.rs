//! Statements over many rows: one text for each of a few numbers of rows.
//!
//! A turn of a thousand rows is a handful of statements instead of a thousand
//! round trips, and since the numbers of rows are powers of two the texts are
//! few and stay prepared. The parameters are nameless on SQLite, where a name is
//! looked up in a list of all others, which is quadratic in their number.

use super::Value;
use crate::dialect::Dialect;
use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

/// The most rows of one statement are 2 to the power of one less than this.
const SIZES: usize = 9;
/// SQLite takes 32,766 parameters, Postgres 65,535.
const MAX_PARAMETERS: usize = 32_766;

/// The type of a column, where the database can't tell it from what surrounds it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    Int,
    Text,
}

/// A statement over many rows: `head`, the rows as a list of `VALUES`, `tail`.
pub(crate) struct Bulk {
    head: &'static str,
    width: usize,
    /// Types of the columns, where they must be told.
    types: Option<&'static [Column]>,
    tail: &'static str,
    texts: [[OnceLock<Arc<str>>; SIZES]; 2],
}

impl Bulk {
    /// An INSERT of rows with `width` columns, whose types are those of the table.
    pub(crate) const fn insert(head: &'static str, width: usize, tail: &'static str) -> Self {
        Self::new(head, width, None, tail)
    }

    /// A statement that goes on with the rows as a table of its own, whose types must be told.
    pub(crate) const fn with(
        head: &'static str,
        types: &'static [Column],
        tail: &'static str,
    ) -> Self {
        Self::new(head, types.len(), Some(types), tail)
    }

    const fn new(
        head: &'static str,
        width: usize,
        types: Option<&'static [Column]>,
        tail: &'static str,
    ) -> Self {
        assert!(width << (SIZES - 1) <= MAX_PARAMETERS, "too many columns");
        Self {
            head,
            width,
            types,
            tail,
            texts: [const { [const { OnceLock::new() }; SIZES] }; 2],
        }
    }

    /// The texts with the values of each, the largest first.
    pub(crate) fn chunks(
        &'static self,
        dialect: Dialect,
        values: Vec<Value>,
    ) -> impl Iterator<Item = (Arc<str>, Vec<Value>)> {
        debug_assert!(values.len().is_multiple_of(self.width), "rows are whole");
        let mut left = values.len() / self.width;
        let mut values = values.into_iter();
        std::iter::from_fn(move || {
            let power = (left.checked_ilog2()? as usize).min(SIZES - 1);
            left -= 1 << power;
            let chunk = values.by_ref().take(self.width << power).collect();
            Some((self.text(dialect, power), chunk))
        })
    }

    /// All its texts, to be checked.
    pub(crate) fn texts(&'static self, dialect: Dialect) -> impl Iterator<Item = Arc<str>> {
        (0..SIZES).map(move |power| self.text(dialect, power))
    }

    fn text(&'static self, dialect: Dialect, power: usize) -> Arc<str> {
        let text =
            self.texts[dialect as usize][power].get_or_init(|| self.write(dialect, 1 << power));
        Arc::clone(text)
    }

    fn write(&self, dialect: Dialect, rows: usize) -> Arc<str> {
        let mut text = String::from(self.head);
        let mut number = 0;
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..self.width {
                if column > 0 {
                    text.push(',');
                }
                number += 1;
                // The types of the first row are those of all.
                let of = self
                    .types
                    .filter(|_types| row == 0)
                    .map(|types| types[column]);
                let placeholder = dialect.placeholder(number);
                let written = match of {
                    None => write!(text, "{placeholder}"),
                    Some(Column::Int) => write!(text, "CAST({placeholder} AS BIGINT)"),
                    Some(Column::Text) => write!(text, "CAST({placeholder} AS TEXT)"),
                };
                written.expect("writing to a String can't fail");
            }
            text.push(')');
        }
        text.push_str(self.tail);
        text.into()
    }
}
