//! Failed attempts by cause.

use super::turn::instance_row;
use crate::setup::{at, file, lease, one_dag, trigger_of, turn};
use weft_core::{document::TaskIndex, id::TenantId, run::Instance, run_id::RunId};
use weft_store::{AttemptRecord, InstanceRow, InstanceTag, RunStore as _};
use weft_store_sql::{Database, FailedAttempt, TraceRetention};

const HOUR_MS: i64 = 3_600_000;

fn error(message: &str) -> std::sync::Arc<str> {
    format!(r#"{{"code":"author","message":"{message}"}}"#).into()
}

/// An attempt of task 3 that failed and is retried.
fn failed(run: RunId, index: u32, ended: i64, message: &str) -> AttemptRecord {
    AttemptRecord {
        run,
        instance: Instance {
            task: TaskIndex(3),
            index,
        },
        number: 1,
        end: "failed",
        queued: None,
        started: None,
        ended: at(ended),
        worker: None,
        error: Some(error(message)),
        usage: None,
        log: None,
    }
}

fn failed_for_good(run: RunId, ended: i64, message: &str) -> InstanceRow {
    InstanceRow {
        state: InstanceTag::Failed,
        ended: Some(at(ended)),
        number: 2,
        error: Some(error(message)),
        ..instance_row(run, 3, 0)
    }
}

pub(crate) async fn failures_are_counted_by_cause_and_hour(database: &Database) {
    let tenant = TenantId::default();
    let dag = one_dag(database, "x").await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        runs.push(database.trigger(&trigger_of(&dag)).await.unwrap().run());
    }
    runs.sort();
    let lease = lease(database).await;
    let mut first = turn(database, lease).await;
    first.attempts = vec![
        failed(runs[0], 0, 5, "timed out after 1 s"),
        failed(runs[1], 4, 7, "timed out after 2 s"),
        failed(runs[1], 5, 6, "timed out after 3 s"),
        failed(runs[0], 1, 8, "no such host"),
        failed(runs[0], 2, HOUR_MS, "no such host"),
    ];
    database.commit(&first).await.unwrap();
    // A turn whose answer was lost is committed again, and counts once.
    database.commit(&first).await.unwrap();
    let newer = database.deploy(&file("newer", &["x"])).await.unwrap();
    let third = database
        .trigger(&trigger_of(&newer[0]))
        .await
        .unwrap()
        .run();
    let mut second = turn(database, lease).await;
    second.instances = vec![failed_for_good(runs[0], 9, "timed out after 4 s")];
    second.attempts = vec![failed(third, 0, 9, "no such host")];
    database.commit(&second).await.unwrap();

    let mut rows = database.list_failures(&tenant, at(0)).await.unwrap();
    rows.sort_by_key(|row| (row.hour, row.version_number, row.first));
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.hour, row.version_number, &*row.message, row.attempts))
        .collect();
    assert_eq!(
        seen,
        [
            (0, 1, "timed out after 4 s", 4),
            (0, 1, "no such host", 1),
            (0, 2, "no such host", 1),
            (1, 1, "no such host", 1),
        ]
    );
    let timeouts = &rows[0];
    assert_eq!((timeouts.first, timeouts.last), (at(5), at(9)));
    assert_eq!(
        timeouts.newest,
        FailedAttempt {
            run: runs[0],
            index: 0,
            number: 2
        }
    );
    assert_eq!(
        (timeouts.dag.as_str(), timeouts.task, &*timeouts.code),
        ("x", TaskIndex(3), "author")
    );
    assert_eq!(rows[1].fingerprint, rows[2].fingerprint);
    let later = database
        .list_failures(&tenant, at(HOUR_MS + 1))
        .await
        .unwrap();
    assert_eq!(later.len(), 1);

    let causes = [rows[0].fingerprint, rows[2].fingerprint];
    let first = database.first_failures(&tenant, &causes).await.unwrap();
    assert_eq!(first.len(), 2);
    let host = &first[&causes[1]];
    assert_eq!(
        (host.at, host.dag.as_str(), host.version_number),
        (at(8), "x", 1)
    );
    let other: TenantId = "other".parse().unwrap();
    assert!(
        database
            .list_failures(&other, at(0))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        database
            .first_failures(&other, &causes)
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn only_attempts_that_failed_are_counted(database: &Database) {
    let dag = one_dag(database, "x").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let mut turn = turn(database, lease(database).await).await;
    turn.attempts = vec![
        AttemptRecord {
            end: "lost",
            ..failed(run, 0, 5, "the worker is gone")
        },
        AttemptRecord {
            error: None,
            ..failed(run, 1, 5, "")
        },
    ];
    turn.instances = vec![
        InstanceRow {
            state: InstanceTag::Skipped,
            ..failed_for_good(run, 9, "skipped")
        },
        InstanceRow {
            cause: "marked",
            instance: Instance {
                task: TaskIndex(3),
                index: 1,
            },
            ..failed_for_good(run, 9, "marked")
        },
    ];
    database.commit(&turn).await.unwrap();
    let rows = database.list_failures(&TenantId::default(), at(0)).await;
    assert_eq!(rows.unwrap(), []);
}

pub(crate) async fn old_failures_are_forgotten(database: &Database) {
    let dag = one_dag(database, "x").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let mut turn = turn(database, lease(database).await).await;
    turn.attempts = vec![failed(run, 0, 5, "a"), failed(run, 1, 2 * HOUR_MS, "a")];
    database.commit(&turn).await.unwrap();
    let retention = TraceRetention {
        answers: at(0),
        commands: at(0),
        audit: at(2 * HOUR_MS + 5),
    };
    database.delete_traces_before(retention, 100).await.unwrap();
    let left = database
        .list_failures(&TenantId::default(), at(0))
        .await
        .unwrap();
    assert_eq!(left.iter().map(|row| row.hour).collect::<Vec<_>>(), [2]);
}
