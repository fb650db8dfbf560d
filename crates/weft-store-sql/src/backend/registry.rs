//! The list of all statements. A module whose list is missing here does not pass the lints.

use super::{Bulk, Statement};
use crate::{
    audit, commands, compiled, crashes, dags, deploy, dialect::Dialect, dialect_statements,
    failures, grid, idempotency, installation, instances, live_attempt, migration, named_events,
    overview, references, repair, retention, run_store, runs, secrets, shards, tenants, timeline,
    tokens, trigger, versions, worker_names, workers,
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
    failures::STATEMENTS,
    grid::STATEMENTS,
    idempotency::STATEMENTS,
    installation::STATEMENTS,
    instances::STATEMENTS,
    migration::STATEMENTS,
    named_events::STATEMENTS,
    live_attempt::STATEMENTS,
    overview::STATEMENTS,
    references::STATEMENTS,
    repair::STATEMENTS,
    retention::STATEMENTS,
    run_store::commit::STATEMENTS,
    run_store::held::STATEMENTS,
    run_store::lease::STATEMENTS,
    run_store::damaged::STATEMENTS,
    run_store::reading::STATEMENTS,
    runs::STATEMENTS,
    secrets::STATEMENTS,
    shards::STATEMENTS,
    tenants::STATEMENTS,
    timeline::STATEMENTS,
    tokens::STATEMENTS,
    trigger::STATEMENTS,
    versions::STATEMENTS,
    worker_names::STATEMENTS,
    workers::STATEMENTS,
];

static BULKS: &[&[&Bulk]] = &[
    failures::BULKS,
    grid::BULKS,
    named_events::BULKS,
    run_store::commit::BULKS,
    run_store::held::BULKS,
    run_store::reading::BULKS,
    runs::BULKS,
    timeline::BULKS,
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
        .chain(&grid::PAGES)
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
    let of_turn = run_store::commit::BULKS.iter().chain([&failures::OF_TURN]);
    let bulks = of_turn.filter(move |_bulk| is_so);
    bulks.map(|bulk| bulk.over_arrays(1))
}
