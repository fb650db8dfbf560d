//! Triggering, backfilling, listing runs.

use super::queue::new_run;
use crate::setup::{at, dag_id, file, lease, one_dag, trigger_of, turn};
use weft_core::{
    digest::Digest,
    id::TenantId,
    run::{Counts, RunState},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{RunKind, RunStore as _, RunUpdate, VersionId};
use weft_store_sql::{
    Backfill, BackfillDate, Database, NewToken, Role, RunCursor, RunFilter, TokenId, Trigger,
    TriggerError, Triggered,
};

pub(crate) async fn a_trigger_is_idempotent_by_its_key(database: &Database) {
    let dag = one_dag(database, "x").await;
    let keyed = Trigger {
        idempotency_key: Some("k".into()),
        ..trigger_of(&dag)
    };
    let first = database.trigger(&keyed).await.unwrap();
    let Triggered::New(row) = &first else {
        panic!("a run was made before: {first:?}");
    };
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
    assert_eq!(**row, shown);
    assert_eq!(
        RunId::new(shown.created, 0).as_i64(),
        shown.id.as_i64() >> 20 << 20
    );
    assert_eq!(shown.state, RunState::Pending);
    assert_eq!(shown.kind, RunKind::Manual);
    assert_eq!(shown.created_by.as_deref(), Some("ada"));
    assert_eq!(shown.version_number, 1);
    assert_eq!(shown.logical_date, shown.created);
    assert_eq!(shown.counts, Counts::default());
}

pub(crate) async fn a_trigger_of_an_unknown_dag_or_version_is_refused(database: &Database) {
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
        tenant: "unknown".parse().unwrap(),
        ..trigger_of(&dag)
    };
    let error = database.trigger(&foreign).await.unwrap_err();
    assert!(matches!(error, TriggerError::UnknownDag(_)), "{error}");
}

pub(crate) async fn a_trigger_on_conditions_makes_a_run_only_while_they_hold(database: &Database) {
    let dag = one_dag(database, "x").await;
    let mut tokens = Vec::new();
    for (name, expires) in [("valid", None), ("expired", Some(Timestamp(1_000)))] {
        let token = NewToken {
            name: name.into(),
            tenant: None,
            role: Role::Operator,
            hash: Digest::of(name.as_bytes()),
            expires,
        };
        tokens.push(database.create_token(&token, "bob").await.unwrap());
    }
    let trigger = trigger_of(&dag);
    let (valid, expired) = (tokens[0], tokens[1]);
    let run = database.trigger_if(&trigger, valid).await.unwrap();
    assert_eq!(run.unwrap().version, dag.version);
    let never = [(&trigger, expired), (&trigger, TokenId(99))];
    for (trigger, token) in never {
        assert_eq!(database.trigger_if(trigger, token).await.unwrap(), None);
    }
    let newer = database.deploy(&file("newer", &["x"])).await.unwrap();
    let newer = newer.into_iter().next().unwrap();
    assert_ne!(newer.version, dag.version);
    assert_eq!(database.trigger_if(&trigger, valid).await.unwrap(), None);
    let trigger = trigger_of(&newer);
    assert!(
        database
            .trigger_if(&trigger, valid)
            .await
            .unwrap()
            .is_some()
    );
    database.revoke_token(valid, "bob").await.unwrap();
    assert_eq!(database.trigger_if(&trigger, valid).await.unwrap(), None);
}

pub(crate) async fn a_backfill_reports_dates_that_exist(database: &Database) {
    let dag = one_dag(database, "x").await;
    let mut scheduled = turn(database, lease(database).await).await;
    scheduled.new_runs.push(new_run(&dag, 5, 20));
    database.commit(&scheduled).await.unwrap();
    let mut backfill = Backfill {
        tenant: TenantId::default(),
        dag: dag.id.clone(),
        version: dag.version,
        range: (at(10), at(10_010)),
        dates: (1..=1_000)
            .rev()
            .map(|day| BackfillDate {
                logical_date: at(day * 10),
                interval: (at(day * 10), at(day * 10 + 10)),
            })
            .collect(),
        params: "{}".into(),
        concurrency_key: None,
        limit: None,
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

/// A DAG, a state, where the page begins, its limit, and the runs on it.
type Page = (
    Option<&'static str>,
    Option<RunState>,
    RunCursor,
    u32,
    &'static [i64],
);

const fn id(number: i64) -> RunId {
    RunId::from_i64(number).expect("it is not negative")
}

pub(crate) async fn runs_are_paged_by_filter(database: &Database) {
    let (x, y) = (one_dag(database, "x").await, one_dag(database, "y").await);
    let lease = lease(database).await;
    let mut made = turn(database, lease).await;
    made.new_runs = (1..=20)
        .map(|id| new_run(if id % 2 == 0 { &x } else { &y }, id, id * 10))
        .collect();
    database.commit(&made).await.unwrap();
    let mut done = turn(database, lease).await;
    done.runs = [4, 8, 9].map(|id| ended(id, RunState::Failed)).into();
    database.commit(&done).await.unwrap();
    let failed = Some(RunState::Failed);
    let (newest, before, after) = (
        RunCursor::Newest,
        |number| RunCursor::Before(id(number)),
        |number| RunCursor::After(id(number)),
    );
    let table: [Page; 12] = [
        (None, None, newest, 3, &[20, 19, 18]),
        (None, None, before(18), 2, &[17, 16]),
        (None, None, after(18), 9, &[19, 20]),
        (None, failed, newest, 9, &[9, 8, 4]),
        (None, failed, before(9), 1, &[8]),
        (None, failed, after(4), 9, &[8, 9]),
        (Some("x"), None, newest, 2, &[20, 18]),
        (Some("x"), None, after(14), 9, &[16, 18, 20]),
        (Some("x"), failed, newest, 9, &[8, 4]),
        (Some("x"), failed, before(8), 9, &[4]),
        (Some("x"), failed, after(4), 9, &[8]),
        (Some("z"), None, newest, 9, &[]),
    ];
    for (dag, state, from, limit, expected) in table {
        let filter = RunFilter {
            tenant: TenantId::default(),
            dag: dag.map(dag_id),
            state,
            from,
            ..RunFilter::default()
        };
        let runs = database.list_runs(&filter, limit).await.unwrap();
        let ids = runs.into_iter().map(|run| run.unwrap().id.as_i64());
        let ids: Vec<i64> = ids.collect();
        assert_eq!(ids, expected, "{filter:?}");
        let foreign = RunFilter {
            tenant: "unknown".parse().unwrap(),
            ..filter
        };
        assert_eq!(database.list_runs(&foreign, limit).await.unwrap(), []);
    }
    let tenant = TenantId::default();
    let shown = database.show_run(&tenant, id(4)).await.unwrap().unwrap();
    let counts = ended(4, RunState::Failed).counts;
    assert_eq!(shown.counts, counts);
    assert_eq!((shown.started, shown.ended), (Some(at(1)), Some(at(2))));
    let foreign = "unknown".parse().unwrap();
    assert_eq!(database.show_run(&foreign, id(4)).await.unwrap(), None);
}

pub(crate) async fn runs_are_filtered_by_kind_and_time(database: &Database) {
    let (x, y) = (one_dag(database, "x").await, one_dag(database, "y").await);
    let minute = 60_000;
    let mut made = turn(database, lease(database).await).await;
    let mut expected = Vec::new();
    for number in 0..12 {
        let kind = [RunKind::Scheduled, RunKind::Backfill, RunKind::Manual][number % 3];
        let of = if number < 6 { &x } else { &y };
        let created = at((i64::try_from(number).unwrap() + 1) * minute);
        let id = RunId::new(created, 7);
        made.new_runs.push(weft_store::NewRun {
            kind,
            created,
            ..new_run(of, id.as_i64(), created.0)
        });
        expected.push((id, number < 6, kind, created));
    }
    database.commit(&made).await.unwrap();
    for dag in [None, Some("x")] {
        for state in [None, Some(RunState::Pending), Some(RunState::Failed)] {
            for kind in [None, Some(RunKind::Backfill), Some(RunKind::Manual)] {
                for (from, before) in [
                    (None, None),
                    (Some(2), None),
                    (None, Some(8)),
                    (Some(3), Some(9)),
                ] {
                    let filter = RunFilter {
                        dag: dag.map(dag_id),
                        state,
                        kind,
                        created_from: from.map(|from| at(from * minute)),
                        created_before: before.map(|before| at(before * minute)),
                        ..RunFilter::default()
                    };
                    let mut wanted: Vec<RunId> = expected
                        .iter()
                        .filter(|(_, of_x, of, created)| {
                            (dag.is_none() || *of_x)
                                && state != Some(RunState::Failed)
                                && kind.is_none_or(|kind| kind == *of)
                                && from.is_none_or(|from| created.0 >= from * minute)
                                && before.is_none_or(|before| created.0 < before * minute)
                        })
                        .map(|(id, ..)| *id)
                        .collect();
                    let oldest =
                        list_by(database, &filter, RunCursor::After(RunId::new(at(0), 0))).await;
                    assert_eq!(oldest, wanted, "{filter:?}");
                    wanted.reverse();
                    let newest = list_by(database, &filter, RunCursor::Newest).await;
                    assert_eq!(newest, wanted, "{filter:?}");
                    if let Some(first) = wanted.first() {
                        let rest = list_by(database, &filter, RunCursor::Before(*first)).await;
                        assert_eq!(rest, wanted[1..], "{filter:?}");
                    }
                }
            }
        }
    }
}

async fn list_by(database: &Database, filter: &RunFilter, from: RunCursor) -> Vec<RunId> {
    let filter = RunFilter {
        from,
        ..filter.clone()
    };
    let runs = database.list_runs(&filter, 99).await.unwrap();
    runs.into_iter().map(|run| run.unwrap().id).collect()
}

pub(crate) async fn the_latest_runs_of_each_dag(database: &Database) {
    let (x, y) = (one_dag(database, "x").await, one_dag(database, "y").await);
    let empty = one_dag(database, "z").await;
    let mut made = turn(database, lease(database).await).await;
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
    let mut made = turn(database, lease).await;
    made.new_runs = (1..=5).map(|id| new_run(&dag, id, id)).collect();
    database.commit(&made).await.unwrap();
    let mut done = turn(database, lease).await;
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
