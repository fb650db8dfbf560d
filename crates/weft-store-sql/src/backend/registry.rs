//! The list of all statements. A module whose list is missing here does not pass the lints.

use super::{Bulk, Statement};
use crate::{
    audit, commands, compiled, crashes, dags, deploy, dialect::Dialect, dialect_statements,
    idempotency, installation, instances, live_attempt, migration, references, retention,
    run_store, runs, secrets, shards, tenants, tokens, trigger, versions, worker_names, workers,
};
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

const STATEMENTS: &[&[Statement]] = &[
    audit::STATEMENTS,
    commands::STATEMENTS,
    compiled::STATEMENTS,
    crashes::STATEMENTS,
    dags::STATEMENTS,
    deploy::STATEMENTS,
    dialect_statements::STATEMENTS,
    idempotency::STATEMENTS,
    installation::STATEMENTS,
    instances::STATEMENTS,
    migration::STATEMENTS,
    live_attempt::STATEMENTS,
    references::STATEMENTS,
    retention::STATEMENTS,
    run_store::commit::STATEMENTS,
    run_store::held::STATEMENTS,
    run_store::lease::STATEMENTS,
    run_store::reading::STATEMENTS,
    runs::STATEMENTS,
    secrets::STATEMENTS,
    shards::STATEMENTS,
    tenants::STATEMENTS,
    tokens::STATEMENTS,
    trigger::STATEMENTS,
    versions::STATEMENTS,
    worker_names::STATEMENTS,
    workers::STATEMENTS,
];

static BULKS: &[&[&Bulk]] = &[
    run_store::commit::BULKS,
    run_store::held::BULKS,
    run_store::reading::BULKS,
    runs::BULKS,
    trigger::BULKS,
];

/// Every statement that one database is ever given, migrations left out.
pub(crate) fn all(dialect: Dialect) -> impl Iterator<Item = SqlStr> {
    let single = STATEMENTS
        .iter()
        .copied()
        .flatten()
        .chain(runs::PAGES.iter().flatten().flatten())
        .chain(&trigger::TRIGGER)
        .filter(move |statement| statement.is_for(dialect))
        .map(|statement| statement.sql());
    let bulk = BULKS
        .iter()
        .copied()
        .flatten()
        .flat_map(move |bulk| bulk.texts(dialect))
        .map(|text| AssertSqlSafe(text).into_sql_str());
    single.chain(bulk)
}

/// The parts that a turn's one statement is made of, where the database takes it so.
#[cfg(test)]
pub(super) fn over_arrays(dialect: Dialect) -> impl Iterator<Item = String> {
    let is_so = dialect == Dialect::Postgres;
    let bulks = run_store::commit::BULKS.iter().filter(move |_bulk| is_so);
    bulks.map(|bulk| bulk.over_arrays(1))
}
