//! Databases without the store between.

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions,
};
use weft_store_sql::{DATABASE_FILE, DatabaseLocation};

/// A database as its own client sees it.
pub(crate) enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Raw {
    /// Makes the file of SQLite where there is none.
    pub(crate) async fn of(place: &DatabaseLocation) -> Self {
        match place {
            DatabaseLocation::Sqlite { folder } => {
                let options = SqliteConnectOptions::new()
                    .filename(folder.join(DATABASE_FILE))
                    .create_if_missing(true)
                    .foreign_keys(false);
                Self::Sqlite(SqliteConnection::connect_with(&options).await.unwrap())
            }
            DatabaseLocation::Postgres { url } => {
                Self::Postgres(PgConnection::connect(url).await.unwrap())
            }
            DatabaseLocation::SqliteReadOnly { .. } => unreachable!("no test opens one"),
        }
    }

    pub(crate) async fn run(&mut self, script: &str) -> Result<(), sqlx::Error> {
        let script = sqlx::raw_sql(AssertSqlSafe(script));
        match self {
            Self::Sqlite(raw) => script.execute(raw).await.map(drop),
            Self::Postgres(raw) => script.execute(raw).await.map(drop),
        }
    }
}
