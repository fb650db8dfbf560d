//! Statements that differ between the databases: one function for each difference.

use crate::{backend::Statement, dialect::Dialect};

const NOW_POSTGRES: Statement = Statement::only(
    Dialect::Postgres,
    "SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)",
);
/// The number is Weft's own, so that no other program's lock is met.
const LOCK_MIGRATIONS_POSTGRES: Statement = Statement::only(
    Dialect::Postgres,
    "SELECT 1 FROM (SELECT pg_advisory_xact_lock(8602934771)) AS locked",
);
/// Held by the session until it ends. The number is Weft's own, too.
const LOCK_EXCLUSIVE_POSTGRES: Statement = Statement::only(
    Dialect::Postgres,
    "SELECT 1 FROM (SELECT pg_try_advisory_lock(8602934772) AS mine) AS locked WHERE mine",
);
/// Held by the session until it ends, beside others that hold it so.
const LOCK_SHARED_POSTGRES: Statement = Statement::only(
    Dialect::Postgres,
    "SELECT 1 FROM (SELECT pg_try_advisory_lock_shared(8602934772) AS mine) AS locked WHERE mine",
);
const TABLE_EXISTS_SQLITE: Statement = Statement::only(
    Dialect::Sqlite,
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1",
);
const TABLE_EXISTS_POSTGRES: Statement = Statement::only(
    Dialect::Postgres,
    "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = $1",
);
const BACKUP_SQLITE: Statement = Statement::only(Dialect::Sqlite, "VACUUM INTO $1");
/// The number is [`crate::MAX_DAMAGE_REPORTS`], since a pragma takes no parameter.
const INTEGRITY_SQLITE: Statement = Statement::only(Dialect::Sqlite, "PRAGMA integrity_check(20)");

/// Every statement of this module.
pub(crate) const STATEMENTS: &[Statement] = &[
    NOW_POSTGRES,
    LOCK_MIGRATIONS_POSTGRES,
    LOCK_EXCLUSIVE_POSTGRES,
    LOCK_SHARED_POSTGRES,
    TABLE_EXISTS_SQLITE,
    TABLE_EXISTS_POSTGRES,
    BACKUP_SQLITE,
    INTEGRITY_SQLITE,
];

impl Dialect {
    /// The server's clock; none on SQLite, where it is this machine's.
    pub(crate) const fn now(self) -> Option<Statement> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(NOW_POSTGRES),
        }
    }

    /// Lets one process migrate at a time; on SQLite the transaction does.
    pub(crate) const fn lock_migrations(self) -> Option<Statement> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(LOCK_MIGRATIONS_POSTGRES),
        }
    }

    /// Locks the whole database for one session; no row if another session holds a lock.
    pub(crate) const fn lock_exclusive(self) -> Option<Statement> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(LOCK_EXCLUSIVE_POSTGRES),
        }
    }

    /// Locks the whole database for one session, beside others that lock it so.
    pub(crate) const fn lock_shared(self) -> Option<Statement> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(LOCK_SHARED_POSTGRES),
        }
    }

    /// Whether a table of this name exists.
    pub(crate) const fn table_exists(self) -> Statement {
        match self {
            Self::Sqlite => TABLE_EXISTS_SQLITE,
            Self::Postgres => TABLE_EXISTS_POSTGRES,
        }
    }

    /// Looks through the whole database for what is damaged.
    pub(crate) const fn integrity(self) -> Option<Statement> {
        match self {
            Self::Sqlite => Some(INTEGRITY_SQLITE),
            Self::Postgres => None,
        }
    }

    /// Writes the whole database to a new file.
    pub(crate) const fn backup(self) -> Option<Statement> {
        match self {
            Self::Sqlite => Some(BACKUP_SQLITE),
            Self::Postgres => None,
        }
    }
}
