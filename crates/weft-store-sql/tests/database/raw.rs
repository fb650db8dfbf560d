//! Databases without the store between.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use weft_store_sql::{DATABASE_FILE, DatabaseLocation};

/// A database as its own client sees it.
pub(crate) enum Raw {
    Sqlite(rusqlite::Connection),
    Postgres(PgConnection),
}

impl Raw {
    /// Makes the file of SQLite where there is none.
    pub(crate) async fn of(place: &DatabaseLocation) -> Self {
        match place {
            DatabaseLocation::Sqlite { folder } => {
                let raw = rusqlite::Connection::open(folder.join(DATABASE_FILE)).unwrap();
                raw.pragma_update(None, "foreign_keys", false).unwrap();
                Self::Sqlite(raw)
            }
            DatabaseLocation::Postgres { url } => {
                Self::Postgres(PgConnection::connect(url).await.unwrap())
            }
            DatabaseLocation::SqliteReadOnly { .. } => unreachable!("no test opens one"),
        }
    }

    pub(crate) async fn run(&mut self, script: &str) -> Result<(), RawError> {
        match self {
            Self::Sqlite(raw) => raw.execute_batch(script)?,
            Self::Postgres(raw) => {
                let script = sqlx::raw_sql(AssertSqlSafe(script));
                script.execute(raw).await?;
            }
        }
        Ok(())
    }
}

/// What a database says of a script.
pub(crate) type RawError = Box<dyn std::error::Error>;
