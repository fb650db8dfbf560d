//! How SQLite means to carry every statement out: none reads through a table that grows with history.

use super::{Backend, Tx, Value, registry};
use crate::{Database, DatabaseLocation, dialect::Dialect};

/// Tables that stay small, or are small whatever there is: the rows given with the statement,
/// results that a limit bounds, a partial index of what is being removed.
const SMALL: [&str; 36] = [
    "installation",
    "settings",
    "shards",
    "schedulers",
    // Schedulers, and shards beside others.
    "s",
    "h",
    "f",
    "fewest",
    "o",
    "tenants",
    "pools",
    "p",
    "secrets",
    "workers",
    // A row for each death of a worker.
    "died",
    "migrations",
    "compatibility",
    "sqlite_schema",
    "wanted",
    "w",
    "json_each",
    "changed",
    "fences",
    "carried",
    "moved",
    "waiting",
    // The one row of a clock.
    "clock",
    "t",
    "old",
    "counted",
    "active",
    "newer",
    // Runs that called each other.
    "up",
    "above",
    "down",
    // One row.
    "notification_plan",
];
/// Reads that go through an index from one end and stop at a limit.
const BOUNDED: [&str; 3] = [
    "SCAN audit",
    "SCAN d USING INDEX dags_deleted",
    "SCAN d USING COVERING INDEX dags_deleted",
];

#[tokio::test]
async fn no_statement_scans_a_table_that_grows_with_history() {
    let folder = tempfile::tempdir().unwrap();
    let place = DatabaseLocation::Sqlite {
        folder: folder.path().into(),
    };
    let database = Database::open(&place).await.unwrap();
    database.migrate().await.unwrap();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for sql in registry::all(Dialect::Sqlite) {
        let text = sql.as_str().to_owned();
        // One number of rows of each statement over many is enough.
        if text.starts_with("VACUUM") || text.starts_with("PRAGMA") || text.contains("), (") {
            continue;
        }
        seen += 1;
        for step in explain(database.backend(), &text).await {
            let scan = step
                .strip_prefix("SCAN ")
                .and_then(|rest| rest.split(' ').next());
            let is_history = scan.is_some_and(|table| {
                !SMALL.contains(&table)
                    && !table
                        .chars()
                        .next()
                        .is_some_and(|c| c.is_ascii_digit() || c.is_uppercase() || c == '(')
            });
            // The check of a foreign key, for a change of a tenant's name, which none makes.
            let is_check = step == "SCAN dags" && text.contains("INSERT INTO tenants");
            let is_bounded = is_check || BOUNDED.iter().any(|known| step.starts_with(known));
            if is_history && !is_bounded {
                wrong.push(format!("{step} -- {text}"));
            }
            let sorts = step.contains("TEMP B-TREE FOR ORDER BY");
            // A page is read in the order of its index; what is given or bounded may be sorted.
            if sorts && text.contains("LIMIT") && !text.contains("WITH ") {
                wrong.push(format!("{step} -- {text}"));
            }
        }
    }
    assert!(seen > 80, "{seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every filter of the list of runs has an index that holds all of it, in the order of its pages.
#[tokio::test]
async fn each_filter_of_runs_has_its_index() {
    let folder = tempfile::tempdir().unwrap();
    let place = DatabaseLocation::Sqlite {
        folder: folder.path().into(),
    };
    let database = Database::open(&place).await.unwrap();
    database.migrate().await.unwrap();
    let mut seen = 0;
    for sql in registry::all(Dialect::Sqlite) {
        let text = sql.as_str().to_owned();
        if !(text.contains("FROM runs r") && text.contains("r.id > $2 AND r.id < $3")) {
            continue;
        }
        seen += 1;
        let mut columns = Vec::new();
        for (wanted, column) in [
            ("r.dag =", "dag=?"),
            ("r.state =", "state=?"),
            ("r.kind =", "kind=?"),
        ] {
            columns.extend(text.contains(wanted).then_some(column));
        }
        if !text.contains("r.dag = (") {
            columns.insert(0, "tenant=?");
        }
        columns.push("id>? AND id<?");
        let wanted = format!("({})", columns.join(" AND "));
        let plan = explain(database.backend(), &text).await;
        let is_searched = plan
            .iter()
            .any(|step| step.starts_with("SEARCH r ") && step.ends_with(&wanted));
        assert!(is_searched, "{wanted} is not in {plan:?} of {text}");
        assert!(
            !plan.iter().any(|step| step.contains("TEMP B-TREE")),
            "{plan:?} of {text}"
        );
    }
    assert_eq!(seen, 16);
}

async fn explain(backend: &Backend, text: &str) -> Vec<String> {
    let Tx::Sqlite(tx) = backend.begin().await.unwrap() else {
        panic!("it was opened as SQLite");
    };
    let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
    // A plan does not depend on them.
    let values = vec![Value::Null; text.matches(['$', '?']).count()];
    let rows = tx
        .run(sqlx::SqlSafeStr::into_sql_str(sql), values)
        .await
        .unwrap_or_else(|error| panic!("{error} in {text}"));
    rows.into_iter()
        .map(|mut row| {
            for _number in 0..3 {
                row.take::<i64>().unwrap();
            }
            row.take().unwrap()
        })
        .collect()
}
