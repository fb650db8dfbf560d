//! The schema's steps, in order, and which of them stand in a database.
//!
//! A step that was released is never changed. All that are missing are applied
//! in one transaction, so that a database stands at one step or at another,
//! never between.

use crate::{
    Migration, OpenError, StoreError,
    backend::{Backend, Tx, args, statements},
    dialect::Dialect,
};

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
    7 "0007_schedulers.sql" "who schedules";
};

const TABLE: &str = "migrations";
const MAKE_TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, applied BIGINT NOT NULL)";

statements! {
    NEWEST = "SELECT coalesce(max(number), 0) FROM migrations";
    APPLIED = "INSERT INTO migrations (number, name, applied) VALUES ($1, $2, $3)";
}

/// The newest step that is known here.
pub(crate) fn known() -> i64 {
    STEPS.last().map_or(0, |step| step.migration.number)
}

/// What is missing above `found`; an error where `found` is from a newer Weft.
fn missing(found: i64) -> Result<&'static [Step], OpenError> {
    if found > known() {
        return Err(OpenError::Newer {
            found,
            known: known(),
        });
    }
    let done = usize::try_from(found)
        .map_err(|_negative| StoreError::Corrupt(format!("the newest migration is {found}")))?;
    Ok(&STEPS[done..])
}

/// The newest step that stands in the database.
pub(crate) async fn stands(backend: &Backend) -> Result<i64, StoreError> {
    let table = backend
        .read_one(backend.dialect().table_exists(), args![TABLE])
        .await?;
    if table.is_none() {
        return Ok(0);
    }
    match backend.read_one(NEWEST, args![]).await? {
        Some(mut row) => row.take(),
        None => Ok(0),
    }
}

/// Whether every step stands and none that is unknown.
pub(crate) async fn check(backend: &Backend) -> Result<(), OpenError> {
    let pending = missing(stands(backend).await?)?;
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
    let found = match tx.run_one(NEWEST, args![]).await? {
        Some(mut row) => row.take()?,
        None => 0,
    };
    let steps = missing(found)?;
    for step in steps {
        apply(&mut tx, step, now).await?;
    }
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
