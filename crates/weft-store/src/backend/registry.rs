//! The list of all statements. A module whose list is missing here does not pass the lints.

use super::{Bulk, Statement};
use crate::{
    audit, dags, deploy, dialect, dialect::Dialect, migration, run_store, tenants, trigger,
};
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

const STATEMENTS: &[&[Statement]] = &[
    audit::STATEMENTS,
    dags::STATEMENTS,
    deploy::STATEMENTS,
    dialect::STATEMENTS,
    migration::STATEMENTS,
    run_store::commit::STATEMENTS,
    run_store::lease::STATEMENTS,
    run_store::reading::STATEMENTS,
    tenants::STATEMENTS,
    trigger::STATEMENTS,
];

static BULKS: &[&[&Bulk]] = &[
    run_store::commit::BULKS,
    run_store::reading::BULKS,
    trigger::BULKS,
];

/// Every statement that one database is ever given, migrations left out.
pub(crate) fn all(dialect: Dialect) -> impl Iterator<Item = SqlStr> {
    let single = STATEMENTS
        .iter()
        .copied()
        .flatten()
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
