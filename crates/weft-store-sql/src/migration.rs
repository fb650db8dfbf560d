//! Applies the schema's steps.
//!
//! All missing steps are applied in one transaction, so that a database is never
//! between two steps.

use crate::{
    backend::{Backend, Row, Statement, Tx, Value, args, statements},
    dialect::Dialect,
    error::OpenError,
    schema::{Migration, OLDEST, STEPS, Step, known},
};
use weft_store::StoreError;

const TABLE: &str = "migrations";
const COMPATIBILITY: &str = "compatibility";
const MAKE_TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, applied BIGINT NOT NULL)";

statements! {
    NEWEST = "SELECT coalesce(max(number), 0) FROM migrations";
    COMPATIBLE = "SELECT oldest FROM compatibility";
    RAISE = "UPDATE compatibility SET oldest = $1 WHERE oldest < $1";
    APPLIED = "INSERT INTO migrations (number, name, applied) VALUES ($1, $2, $3)";
}

/// Which steps were applied to a database.
struct Applied {
    /// The newest step.
    newest: i64,
    /// The step that a program has to know.
    oldest: i64,
}

impl Applied {
    /// What is missing; an error where a newer Weft left something that this one can't work with.
    fn missing(&self) -> Result<&'static [Step], OpenError> {
        if self.oldest > known() {
            return Err(OpenError::Newer {
                found: self.newest,
                known: known(),
            });
        }
        let done = STEPS.partition_point(|step| step.migration.number <= self.newest);
        Ok(&STEPS[done..])
    }
}

/// Reads which steps were applied; `read` runs a statement and returns its first row.
async fn read_applied(
    dialect: Dialect,
    mut read: impl AsyncFnMut(Statement, Vec<Value>) -> Result<Option<Row>, StoreError>,
) -> Result<Applied, StoreError> {
    let exists = dialect.table_exists();
    let newest = match read(exists, args![TABLE]).await? {
        Some(_there) => read(NEWEST, args![]).await?,
        None => None,
    };
    let newest = newest.map_or(Ok(0), |mut row| row.take())?;
    let oldest = match read(exists, args![COMPATIBILITY]).await? {
        Some(_there) => read(COMPATIBLE, args![]).await?,
        None => None,
    };
    // Before there was a table for it, every program had to know every step.
    let oldest = oldest.map_or(Ok(newest), |mut row| row.take())?;
    Ok(Applied { newest, oldest })
}

async fn applied_to(backend: &Backend) -> Result<Applied, StoreError> {
    read_applied(backend.dialect(), async |sql, args| {
        backend.read_one(sql, args).await
    })
    .await
}

/// The newest step that was applied to the database.
pub(crate) async fn applied(backend: &Backend) -> Result<i64, StoreError> {
    Ok(applied_to(backend).await?.newest)
}

/// Checks that every step was applied, and none that this program can't work with.
pub(crate) async fn check(backend: &Backend) -> Result<(), OpenError> {
    let pending = applied_to(backend).await?.missing()?;
    if pending.is_empty() {
        return Ok(());
    }
    Err(OpenError::Pending {
        pending: pending.iter().map(|step| step.migration).collect(),
    })
}

/// Applies what is missing.
pub(crate) async fn migrate(backend: &Backend, now: i64) -> Result<Vec<Migration>, OpenError> {
    let dialect = backend.dialect();
    let mut tx = backend.begin().await?;
    if let Some(lock) = dialect.lock_migrations() {
        // Another process may hold it for as long as a step takes.
        tx.run_script(lock.text()).await?;
    }
    tx.run_script(MAKE_TABLE).await?;
    let found = read_applied(dialect, async |sql, args| tx.run_one(sql, args).await).await?;
    let steps = found.missing()?;
    for step in steps {
        apply(&mut tx, step, now).await?;
    }
    tx.run(RAISE, args![OLDEST]).await?;
    tx.commit().await?;
    Ok(steps.iter().map(|step| step.migration).collect())
}

async fn apply(tx: &mut Tx, step: &Step, now: i64) -> Result<(), StoreError> {
    tx.run_script(match tx.dialect() {
        Dialect::Sqlite => step.sqlite,
        Dialect::Postgres => step.postgres,
    })
    .await?;
    tx.run(
        APPLIED,
        args![step.migration.number, step.migration.name, now],
    )
    .await?;
    Ok(())
}
