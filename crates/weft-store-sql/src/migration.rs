//! The schema's steps, in order, and which of them stand in a database.
//!
//! A step that was released is never changed. All that are missing are applied
//! in one transaction, so that a database stands at one step or at another,
//! never between.

use crate::{
    Migration, OpenError,
    backend::{Backend, Row, Statement, Tx, Value, args, statements},
    dialect::Dialect,
};
use weft_store::StoreError;

struct Step {
    migration: Migration,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! steps {
    ($($number:literal $file:literal $name:literal;)*) => {
        &[$(Step {
            migration: Migration { number: $number, name: $name },
            sqlite: include_str!(concat!("../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../migrations/postgres/", $file)),
        }),*]
    };
}

const STEPS: &[Step] = steps! {
    1 "0001_foundation.sql" "foundation";
    2 "0002_artifacts.sql" "what names artifacts";
    3 "0003_kinds_of_runs.sql" "lists of runs by kind";
    4 "0004_installation.sql" "the installation's own name";
    5 "0005_compiled_code.sql" "where compiled code lies";
    6 "0006_crashes.sql" "who took workers down";
    7 "0007_schedulers.sql" "who schedules, and what programs have to know";
};
/// The step that a program has to know at least to work with all of these: it rises only with a
/// step that takes away what the version before still uses.
const OLDEST: i64 = 7;

const TABLE: &str = "migrations";
const COMPATIBILITY: &str = "compatibility";
const MAKE_TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, applied BIGINT NOT NULL)";

statements! {
    NEWEST = "SELECT coalesce(max(number), 0) FROM migrations";
    COMPATIBLE = "SELECT oldest FROM compatibility";
    RAISE = "UPDATE compatibility SET oldest = $1 WHERE oldest < $1";
    APPLIED = "INSERT INTO migrations (number, name, applied) VALUES ($1, $2, $3)";
}

/// The newest step that is known here.
pub(crate) fn known() -> i64 {
    STEPS.last().map_or(0, |step| step.migration.number)
}

/// What stands in a database.
struct Stand {
    /// The newest step.
    newest: i64,
    /// The step that a program has to know.
    oldest: i64,
}

impl Stand {
    /// What is missing; an error where a newer Weft left something that this one can't work with.
    fn missing(&self) -> Result<&'static [Step], OpenError> {
        if self.oldest > known() {
            return Err(OpenError::Newer {
                found: self.newest,
                known: known(),
            });
        }
        let done = usize::try_from(self.newest.min(known())).map_err(|_negative| {
            StoreError::Corrupt(format!("the newest migration is {}", self.newest))
        })?;
        Ok(&STEPS[done..])
    }
}

/// What stands in a database that `read` reads one row of.
async fn stand(
    dialect: Dialect,
    mut read: impl AsyncFnMut(Statement, Vec<Value>) -> Result<Option<Row>, StoreError>,
) -> Result<Stand, StoreError> {
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
    Ok(Stand { newest, oldest })
}

async fn stands_in(backend: &Backend) -> Result<Stand, StoreError> {
    stand(backend.dialect(), async |sql, args| {
        backend.read_one(sql, args).await
    })
    .await
}

/// The newest step that stands in the database.
pub(crate) async fn stands(backend: &Backend) -> Result<i64, StoreError> {
    Ok(stands_in(backend).await?.newest)
}

/// Whether every step stands, and none that this program can't work with.
pub(crate) async fn check(backend: &Backend) -> Result<(), OpenError> {
    let pending = stands_in(backend).await?.missing()?;
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
        tx.run(lock, args![]).await?;
    }
    tx.run_script(MAKE_TABLE).await?;
    let found = stand(dialect, async |sql, args| tx.run_one(sql, args).await).await?;
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
