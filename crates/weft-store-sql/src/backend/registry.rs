//! The list of all statements. A module whose list is missing here does not pass the lints.

use super::{Bulk, Statement};
use crate::{
    approvals, assets, audit, commands, compiled, crashes, dags, deliveries, deploy,
    dialect::Dialect, dialect_statements, failures, grid, idempotency, installation, instances,
    live_attempt, migration, named_events, notes, noticed, overview, references, repair, retention,
    run_store, run_tree, runs, secrets, shards, tenants, timeline, tokens, trigger, versions,
    webhooks, worker_names, workers,
};
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

const STATEMENTS: &[&[Statement]] = &[
    approvals::STATEMENTS,
    assets::STATEMENTS,
    assets::edges::STATEMENTS,
    assets::waiting::STATEMENTS,
    audit::STATEMENTS,
    commands::STATEMENTS,
    compiled::STATEMENTS,
    crashes::STATEMENTS,
    dags::STATEMENTS,
    deliveries::STATEMENTS,
    deploy::STATEMENTS,
    dialect_statements::STATEMENTS,
    failures::STATEMENTS,
    grid::STATEMENTS,
    idempotency::STATEMENTS,
    installation::STATEMENTS,
    instances::STATEMENTS,
    migration::STATEMENTS,
    named_events::STATEMENTS,
    notes::STATEMENTS,
    noticed::STATEMENTS,
    live_attempt::STATEMENTS,
    overview::STATEMENTS,
    references::STATEMENTS,
    repair::STATEMENTS,
    retention::STATEMENTS,
    run_tree::STATEMENTS,
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
    webhooks::STATEMENTS,
    worker_names::STATEMENTS,
    workers::STATEMENTS,
];

static BULKS: &[&[&Bulk]] = &[
    approvals::BULKS,
    assets::BULKS,
    assets::edges::BULKS,
    assets::waiting::BULKS,
    failures::BULKS,
    grid::BULKS,
    named_events::BULKS,
    noticed::BULKS,
    run_store::awaited::BULKS,
    run_store::before::BULKS,
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
        .chain(&trigger::TRIGGER_IF)
        .chain(&run_store::reading::QUEUED_RUNS_WITHOUT)
        .chain(&run_store::damaged::QUEUED_RUNS_WITHOUT)
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
    let of_turn = of_turn.chain(&noticed::OF_TURN).chain(approvals::BULKS);
    let bulks = of_turn.filter(move |_bulk| is_so);
    bulks.map(|bulk| bulk.over_arrays(1))
}
