//! The scheduler's side of the database: [`weft_store::RunStore`] by SQL.

/// By dialect: a page of the queued runs of a DAG ($1) whose time has come by $2, at most $3, without
/// those with a key of the JSON list $4.
macro_rules! queued_runs_without {
    (@ $dialect:ident, $keys:literal, $($columns:tt)*) => {
        Statement::only(
            Dialect::$dialect,
            concat!(
                "SELECT ",
                $($columns)*,
                " FROM runs r WHERE r.dag = $1 AND r.state = 1 AND r.not_before <= $2 \
                 AND (r.concurrency_key IS NULL OR r.concurrency_key NOT IN (SELECT ",
                $keys,
                ")) ORDER BY r.logical_date, r.id LIMIT $3"
            ),
        )
    };
    ($($columns:tt)*) => {
        [
            queued_runs_without!(@ Sqlite, "value FROM json_each($4)", $($columns)*),
            queued_runs_without!(@ Postgres, "jsonb_array_elements_text(CAST($4 AS JSONB))", $($columns)*),
        ]
    };
}

pub(crate) mod awaited;
pub(crate) mod before;
pub(crate) mod commit;
pub(crate) mod damaged;
pub(crate) mod held;
mod implementation;
pub(crate) mod lease;
pub(crate) mod reading;
