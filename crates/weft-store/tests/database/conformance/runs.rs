//! Triggering, backfilling, listing runs.

use super::queue::new_run;
use crate::setup::{at, dag_id, lease, one_dag, trigger_of, turn};
use weft_core::{
    id::TenantId,
    run::{Counts, RunState},
    run_id::RunId,
};
use weft_store::{
    Backfill, BackfillDate, Database, RunCursor, RunFilter, RunKind, RunStore as _, RunUpdate,
    Trigger, TriggerError, Triggered, VersionId,
};

pub(crate) async fn a_trigger_is_idempotent_by_its_key(database: &Database) {
    let dag = one_dag(database, "x").await;
    let keyed = Trigger {
        idempotency_key: Some("k".into()),
        ..trigger_of(&dag)
    };
    let first = database.trigger(&keyed).await.unwrap();
    assert!(matches!(first, Triggered::New(_)));
    assert_eq!(
        database.trigger(&keyed).await.unwrap(),
        Triggered::Before(first.run())
    );
    let other = database.trigger(&trigger_of(&dag)).await.unwrap();
    assert_ne!(other.run(), first.run());
    let shown = database
        .show_run(&keyed.tenant, first.run())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(shown.state, RunState::Pending);
    assert_eq!(shown.kind, RunKind::Manual);
    assert_eq!(shown.created_by.as_deref(), Some("ada"));
    assert_eq!(shown.version_number, 1);
    assert_eq!(shown.logical_date, shown.created);
    assert_eq!(shown.counts, Counts::default());
}

pub(crate) async fn a_trigger_names_what_is_missing(database: &Database) {
    let dag = one_dag(database, "x").await;
    let other = one_dag(database, "y").await;
    let no_dag = Trigger {
        dag: dag_id("z"),
        ..trigger_of(&dag)
    };
    let error = database.trigger(&no_dag).await.unwrap_err();
    assert!(matches!(error, TriggerError::UnknownDag(_)), "{error}");
    for version in [VersionId(99), other.version] {
        let no_version = Trigger {
            version,
            ..trigger_of(&dag)
        };
        let error = database.trigger(&no_version).await.unwrap_err();
        assert!(matches!(error, TriggerError::UnknownVersion(_)), "{error}");
    }
    let foreign = Trigger {
        tenant: "nobody".parse().unwrap(),
        ..trigger_of(&dag)
    };
    let error = database.trigger(&foreign).await.unwrap_err();
    assert!(matches!(error, TriggerError::UnknownDag(_)), "{error}");
}

pub(crate) async fn a_backfill_reports_dates_that_exist(database: &Database) {
    let dag = one_dag(database, "x").await;
    let mut scheduled = turn(lease(database).await);
    scheduled.new_runs.push(new_run(&dag, 5, 20));
    database.commit(&scheduled).await.unwrap();
    let mut backfill = Backfill {
        tenant: TenantId::default(),
        dag: dag.id.clone(),
        version: dag.version,
        dates: (1..=1_000)
            .rev()
            .map(|day| BackfillDate {
                logical_date: at(day * 10),
                interval: (at(day * 10), at(day * 10 + 10)),
            })
            .collect(),
        params: "{}".into(),
        by: "ada".into(),
    };
    backfill.dates.push(backfill.dates[0]);
    let done = database.backfill(&backfill).await.unwrap();
    assert_eq!(done.existing, [at(20)]);
    assert_eq!(done.made.len(), 999);
    assert_eq!(done.made[0].1, at(10));
    let again = database.backfill(&backfill).await.unwrap();
    assert_eq!((again.made.len(), again.existing.len()), (0, 1_000));
    let shown = database
        .show_run(&backfill.tenant, done.made[0].0)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(shown.kind, RunKind::Backfill);
    assert_eq!(shown.interval, (at(10), at(20)));
    backfill
        .dates
        .extend((2_000..22_000).map(|day| BackfillDate {
            logical_date: at(day),
            interval: (at(day), at(day)),
        }));
    let error = database.backfill(&backfill).await.unwrap_err();
    assert!(matches!(error, TriggerError::TooMany(_)), "{error}");
}

fn ended(id: i64, state: RunState) -> RunUpdate {
    RunUpdate {
        id: RunId::from_i64(id).unwrap(),
        state,
        started: Some(at(1)),
        ended: Some(at(2)),
        counts: Counts {
            success: 3,
            failed: 1,
            ..Counts::default()
        },
    }
}

pub(crate) async fn runs_are_paged_by_filter(database: &Database) {
    let (x, y) = (one_dag(database, "x").await, one_dag(database, "y").await);
    let lease = lease(database).await;
    let mut made = turn(lease);
    made.new_runs = (1..=20)
        .map(|id| new_run(if id % 2 == 0 { &x } else { &y }, id, id * 10))
        .collect();
    database.commit(&made).await.unwrap();
    let mut done = turn(lease);
    done.runs = [4, 8, 9].map(|id| ended(id, RunState::Failed)).into();
    database.commit(&done).await.unwrap();
    let ids = async |filter: RunFilter, limit| -> Vec<i64> {
        let runs = database.list_runs(&filter, limit).await.unwrap();
        runs.iter().map(|run| run.id.as_i64()).collect()
    };
    let id = |number| RunId::from_i64(number).unwrap();
    let all = RunFilter::default();
    assert_eq!(ids(all.clone(), 3).await, [20, 19, 18]);
    let before = RunFilter {
        from: RunCursor::Before(id(18)),
        ..all.clone()
    };
    assert_eq!(ids(before, 2).await, [17, 16]);
    let after = RunFilter {
        from: RunCursor::After(id(18)),
        ..all.clone()
    };
    assert_eq!(ids(after, 9).await, [19, 20]);
    let failed = RunFilter {
        state: Some(RunState::Failed),
        ..all.clone()
    };
    assert_eq!(ids(failed.clone(), 9).await, [9, 8, 4]);
    let failed_before = RunFilter {
        from: RunCursor::Before(id(9)),
        ..failed.clone()
    };
    assert_eq!(ids(failed_before, 1).await, [8]);
    let failed_after = RunFilter {
        from: RunCursor::After(id(4)),
        ..failed.clone()
    };
    assert_eq!(ids(failed_after, 9).await, [8, 9]);
    let of_x = RunFilter {
        dag: Some(dag_id("x")),
        ..all.clone()
    };
    assert_eq!(ids(of_x.clone(), 2).await, [20, 18]);
    assert_eq!(
        ids(
            RunFilter {
                from: RunCursor::After(id(14)),
                ..of_x
            },
            9
        )
        .await,
        [16, 18, 20]
    );
    let failed_of_x = RunFilter {
        dag: Some(dag_id("x")),
        ..failed
    };
    assert_eq!(ids(failed_of_x.clone(), 9).await, [8, 4]);
    assert_eq!(
        ids(
            RunFilter {
                from: RunCursor::After(id(4)),
                ..failed_of_x
            },
            9
        )
        .await,
        [8]
    );
    assert_eq!(
        ids(
            RunFilter {
                dag: Some(dag_id("z")),
                ..all.clone()
            },
            9
        )
        .await,
        [] as [i64; 0]
    );
    assert_eq!(
        ids(
            RunFilter {
                tenant: "nobody".parse().unwrap(),
                ..all
            },
            9
        )
        .await,
        [] as [i64; 0]
    );
    let shown = database
        .show_run(&TenantId::default(), id(4))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        shown.counts,
        Counts {
            success: 3,
            failed: 1,
            ..Counts::default()
        }
    );
    assert_eq!((shown.started, shown.ended), (Some(at(1)), Some(at(2))));
    assert_eq!(
        database
            .show_run(&"nobody".parse().unwrap(), id(4))
            .await
            .unwrap(),
        None
    );
}

pub(crate) async fn the_latest_runs_of_each_dag(database: &Database) {
    let (x, y) = (one_dag(database, "x").await, one_dag(database, "y").await);
    let empty = one_dag(database, "z").await;
    let mut made = turn(lease(database).await);
    made.new_runs = (1..=9)
        .map(|id| new_run(if id < 3 { &x } else { &y }, id, id * 10))
        .collect();
    database.commit(&made).await.unwrap();
    let latest = database
        .latest_runs(&TenantId::default(), &[y.key, x.key, empty.key], 3)
        .await
        .unwrap();
    let ids: Vec<i64> = latest.iter().map(|run| run.id.as_i64()).collect();
    assert_eq!(ids, [2, 1, 9, 8, 7]);
}

pub(crate) async fn unfinished_runs_are_counted(database: &Database) {
    let dag = one_dag(database, "x").await;
    let lease = lease(database).await;
    let mut made = turn(lease);
    made.new_runs = (1..=5).map(|id| new_run(&dag, id, id)).collect();
    database.commit(&made).await.unwrap();
    let mut done = turn(lease);
    done.runs = vec![ended(1, RunState::Success), ended(2, RunState::Running)];
    database.commit(&done).await.unwrap();
    let counts = database
        .count_active_runs(&TenantId::default())
        .await
        .unwrap();
    assert_eq!(
        (counts.queued, counts.running, counts.capped),
        (3, 1, false)
    );
}
