//! Statements with constant texts, each in a list, so that all can be checked on a real database.

use crate::dialect::Dialect;
use sqlx::{SqlSafeStr, SqlStr};

/// A statement; its parameters are `$1`, `$2` and so on in both databases.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement {
    text: &'static str,
    only: Option<Dialect>,
}

impl Statement {
    /// For both databases.
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text, only: None }
    }

    /// For one of them.
    pub(crate) const fn only(dialect: Dialect, text: &'static str) -> Self {
        Self {
            text,
            only: Some(dialect),
        }
    }

    pub(crate) const fn is_for(&self, dialect: Dialect) -> bool {
        match (self.only, dialect) {
            (None, _)
            | (Some(Dialect::Sqlite), Dialect::Sqlite)
            | (Some(Dialect::Postgres), Dialect::Postgres) => true,
            (Some(_), _) => false,
        }
    }

    pub(crate) const fn text(self) -> &'static str {
        self.text
    }

    pub(crate) fn sql(self) -> SqlStr {
        self.text.into_sql_str()
    }
}

/// Declares a module's statements, and `STATEMENTS`, the list of them all.
macro_rules! statements {
    ($($(#[$meta:meta])* $vis:vis $name:ident = $text:expr;)*) => {
        $($(#[$meta])* $vis const $name: $crate::backend::Statement = $crate::backend::Statement::new($text);)*
        /// Every statement of this module.
        pub(crate) const STATEMENTS: &[$crate::backend::Statement] = &[$($name),*];
    };
}
pub(crate) use statements;
