//! The languages of the databases.

use std::fmt;

/// The language of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite = 0,
    Postgres = 1,
}

/// The parameter of a generated statement, in order from 1.
pub(crate) struct Placeholder(Dialect, usize);

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Dialect::Sqlite => f.write_str("?"),
            Dialect::Postgres => write!(f, "${}", self.1),
        }
    }
}

impl Dialect {
    pub(crate) const fn placeholder(self, number: usize) -> Placeholder {
        Placeholder(self, number)
    }
}
