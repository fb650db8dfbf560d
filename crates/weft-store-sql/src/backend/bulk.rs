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

/// The type of a column.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    Int,
    Text,
    Bytes,
}

/// The text before the rows.
const ROWS: &str = "VALUES ";

/// A statement over many rows: `head`, the rows as a list of `VALUES`, `tail`.
pub(crate) struct Bulk {
    head: &'static str,
    columns: &'static [Column],
    /// Whether the first row casts its parameters, because the statement gives them no types.
    has_casts: bool,
    tail: &'static str,
    texts: [[OnceLock<Arc<str>>; SIZES]; 2],
}

impl Bulk {
    /// An INSERT of rows.
    pub(crate) const fn insert(
        head: &'static str,
        columns: &'static [Column],
        tail: &'static str,
    ) -> Self {
        Self::new(head, columns, false, tail)
    }

    /// A statement that uses the rows as a table of its own, with casts in the first row.
    pub(crate) const fn with(
        head: &'static str,
        columns: &'static [Column],
        tail: &'static str,
    ) -> Self {
        Self::new(head, columns, true, tail)
    }

    const fn new(
        head: &'static str,
        columns: &'static [Column],
        has_casts: bool,
        tail: &'static str,
    ) -> Self {
        assert!(
            columns.len() << (SIZES - 1) <= MAX_PARAMETERS,
            "too many columns"
        );
        Self {
            head,
            columns,
            has_casts,
            tail,
            texts: [const { [const { OnceLock::new() }; SIZES] }; 2],
        }
    }

    /// The columns of its rows.
    pub(crate) const fn columns(&self) -> &'static [Column] {
        self.columns
    }

    /// For Postgres: the rows as one array for each column, numbered on from `first`. It is the
    /// same text for any number of rows.
    pub(crate) fn over_arrays(&self, first: usize) -> String {
        let head = self.head.strip_suffix(ROWS);
        let mut text = format!(
            "{}SELECT * FROM unnest(",
            head.expect("what comes before the rows ends so")
        );
        for (at, column) in self.columns.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let kind = match column {
                Column::Int => "BIGINT",
                Column::Text => "TEXT",
                Column::Bytes => "BYTEA",
            };
            write!(text, "{comma}CAST(${} AS {kind}[])", first + at)
                .expect("writing to a String can't fail");
        }
        text.push(')');
        text.push_str(self.tail);
        text
    }

    /// The texts with the values of each, the largest first.
    pub(crate) fn chunks(
        &'static self,
        dialect: Dialect,
        values: Vec<Value>,
    ) -> impl Iterator<Item = (Arc<str>, Vec<Value>)> {
        let width = self.columns.len();
        debug_assert!(values.len().is_multiple_of(width), "rows are whole");
        let mut left = values.len() / width;
        let mut values = values.into_iter();
        std::iter::from_fn(move || {
            let power = (left.checked_ilog2()? as usize).min(SIZES - 1);
            left -= 1 << power;
            let chunk = values.by_ref().take(width << power).collect();
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
            for (at, column) in self.columns.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                number += 1;
                // The types of the first row are those of all.
                let cast = (self.has_casts && row == 0).then_some(column);
                let placeholder = dialect.placeholder(number);
                let written = match cast {
                    None => write!(text, "{placeholder}"),
                    Some(Column::Int) => write!(text, "CAST({placeholder} AS BIGINT)"),
                    Some(Column::Text) => write!(text, "CAST({placeholder} AS TEXT)"),
                    // To SQLite a name that it doesn't know means a number.
                    Some(Column::Bytes) => match dialect {
                        Dialect::Sqlite => write!(text, "CAST({placeholder} AS BLOB)"),
                        Dialect::Postgres => write!(text, "CAST({placeholder} AS BYTEA)"),
                    },
                };
                written.expect("writing to a String can't fail");
            }
            text.push(')');
        }
        text.push_str(self.tail);
        text.into()
    }
}
