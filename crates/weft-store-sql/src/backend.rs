//! One interface to both databases: statements go in with values, rows of values come out.
//!
//! What differs between SQLite and Postgres as *programs* (connections,
//! transactions, types on the wire, errors) ends here; what differs between
//! them as *languages* is in [`crate::dialect_statements`]. Nothing above this module
//! names sqlx or rusqlite. A statement's text is a constant of Weft's own or made from
//! constants; values only ever travel as parameters.

mod bulk;
#[cfg(test)]
mod corpus;
mod error_kind;
#[cfg(test)]
mod plan;
mod postgres;
mod registry;
mod row;
mod sqlite;
mod statement;
mod value;

pub(crate) use {
    bulk::{Bulk, Column},
    registry::all as all_statements,
    row::Row,
    statement::{Statement, statements},
    value::{Value, args},
};

use crate::{dialect::Dialect, error::OpenError, location::DatabaseLocation};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use weft_store::StoreError;

/// SQLite or Postgres.
pub(crate) enum Backend {
    /// One writer, a few readers.
    Sqlite(Box<sqlite::Sqlite>),
    /// A few connections.
    Postgres(Box<postgres::Postgres>),
}

/// Which connections a statement uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Those that all calls share.
    General,
    /// One that is reserved for the calls by which schedulers hold their shards: a lease would
    /// expire while its renewal waits for slow listings.
    Lease,
}

/// The statements by which schedulers hold their shards, over their own connection.
pub(crate) struct LeaseCalls<'a>(&'a Backend);

/// A transaction that writes. Dropped without [`Tx::commit`] it leaves nothing.
pub(crate) enum Tx {
    Sqlite(sqlite::Tx),
    Postgres(postgres::Tx),
}

impl Backend {
    pub(crate) async fn open(location: &DatabaseLocation) -> Result<Self, OpenError> {
        Ok(match location {
            DatabaseLocation::Sqlite { folder } => {
                Self::Sqlite(Box::new(sqlite::Sqlite::open(folder).await?))
            }
            DatabaseLocation::SqliteReadOnly { file } => {
                Self::Sqlite(Box::new(sqlite::Sqlite::open_read_only(file).await?))
            }
            DatabaseLocation::Postgres { url } => {
                Self::Postgres(Box::new(postgres::Postgres::open(url).await?))
            }
        })
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Whether no other process can work here.
    pub(crate) fn is_exclusive(&self) -> bool {
        match self {
            Self::Sqlite(sqlite) => sqlite.holds_folder(),
            Self::Postgres(postgres) => postgres.is_exclusive(),
        }
    }

    /// Locks the database for this process alone; `false` if another process holds a lock.
    pub(crate) async fn lock_exclusive(&self) -> Result<bool, StoreError> {
        match (self, self.dialect().lock_exclusive()) {
            (Self::Postgres(postgres), Some(lock)) => postgres.lock_exclusive(lock.sql()).await,
            // Opening a folder locks it.
            (Self::Sqlite(_) | Self::Postgres(_), _) => Ok(self.is_exclusive()),
        }
    }

    /// Locks the database beside other processes that lock it so; `false` if one holds it alone.
    pub(crate) async fn lock_shared(&self) -> Result<bool, StoreError> {
        match (self, self.dialect().lock_shared()) {
            (Self::Postgres(postgres), Some(lock)) => postgres.lock_shared(lock.sql()).await,
            // A folder can't be shared.
            (Self::Sqlite(_) | Self::Postgres(_), _) => Ok(self.is_exclusive()),
        }
    }

    /// The calls that don't wait for any other call.
    pub(crate) const fn for_leases(&self) -> LeaseCalls<'_> {
        LeaseCalls(self)
    }

    /// Reads, in a transaction of its own.
    pub(crate) async fn read(
        &self,
        statement: Statement,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.read_for(Purpose::General, statement.sql(), args).await
    }

    async fn read_for(
        &self,
        purpose: Purpose,
        sql: SqlStr,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read(purpose, sql, args).await,
            Self::Postgres(postgres) => postgres.run(purpose, sql, args).await,
        }
    }

    /// Reads at most one row.
    pub(crate) async fn read_one(
        &self,
        statement: Statement,
        args: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.read(statement, args).await?.into_iter().next())
    }

    /// Reads once for each chunk of `values`, all rows together.
    pub(crate) async fn read_bulk(
        &self,
        bulk: &'static Bulk,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for (text, chunk) in bulk.chunks(self.dialect(), values) {
            let sql = AssertSqlSafe(text).into_sql_str();
            rows.extend(self.read_for(Purpose::General, sql, chunk).await?);
        }
        Ok(rows)
    }

    /// Writes with one statement, durable when it returns; what it returns is given back.
    pub(crate) async fn write(
        &self,
        statement: Statement,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.write_for(Purpose::General, statement, args).await
    }

    async fn write_for(
        &self,
        purpose: Purpose,
        statement: Statement,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            // There is one writer.
            Self::Sqlite(sqlite) => sqlite.write(statement.sql(), args).await,
            Self::Postgres(postgres) => postgres.run(purpose, statement.sql(), args).await,
        }
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite(sqlite) => Tx::Sqlite(sqlite.begin().await?),
            Self::Postgres(postgres) => Tx::Postgres(postgres.begin().await?),
        })
    }

    /// Writes everything in one transaction that is one message to the database, if the first statement
    /// changes a row; `false` if nothing was written.
    pub(crate) async fn write_batch<'w>(
        &self,
        writes: impl Iterator<Item = &'w (&'static Bulk, Vec<Value>)>,
    ) -> Result<bool, StoreError> {
        let sqlite = match self {
            Self::Sqlite(sqlite) => sqlite,
            Self::Postgres(postgres) => return postgres.write_batch(writes).await,
        };
        let chunks = writes.flat_map(|(bulk, values)| bulk.chunks(Dialect::Sqlite, values.clone()));
        sqlite.write_batch(chunks.collect()).await
    }

    /// Whether the statement is right, without running it.
    pub(crate) async fn prepare(&self, sql: SqlStr) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.prepare(sql).await,
            Self::Postgres(postgres) => postgres.prepare(sql).await,
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close().await,
        }
    }
}

impl LeaseCalls<'_> {
    /// As [`Backend::read`].
    pub(crate) async fn read(
        &self,
        statement: Statement,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.0.read_for(Purpose::Lease, statement.sql(), args).await
    }

    /// As [`Backend::write`].
    pub(crate) async fn write(
        &self,
        statement: Statement,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.0.write_for(Purpose::Lease, statement, args).await
    }
}

impl Tx {
    /// Runs a statement and gives back what it returns.
    pub(crate) async fn run(
        &mut self,
        statement: Statement,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.run_sql(statement.sql(), args).await
    }

    /// Runs a statement that returns at most one row.
    pub(crate) async fn run_one(
        &mut self,
        statement: Statement,
        args: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.run(statement, args).await?.into_iter().next())
    }

    /// Runs a statement over many rows, in chunks; `values` are the rows' one after another.
    pub(crate) async fn run_bulk(
        &mut self,
        bulk: &'static Bulk,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for (text, chunk) in bulk.chunks(self.dialect(), values) {
            rows.extend(
                self.run_sql(AssertSqlSafe(text).into_sql_str(), chunk)
                    .await?,
            );
        }
        Ok(rows)
    }

    /// Runs several statements without values, as migrations are.
    pub(crate) async fn run_script(&mut self, script: &'static str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.run_script(script).await,
            Self::Postgres(tx) => tx.run_script(script).await,
        }
    }

    /// Durable when it returns.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn run_sql(&mut self, sql: SqlStr, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(tx) => tx.run(sql, args).await,
            Self::Postgres(tx) => tx.run(sql, args).await,
        }
    }
}
