//! What turns notice, and the deliveries that it becomes.

use super::turn::instance_row;
use crate::setup::{at, lease, one_dag, trigger_of, turn};
use std::collections::BTreeMap;
use weft_core::{
    document::TaskIndex,
    id::TenantId,
    notification::{Destination, DestinationKind, Fold, Notice, NotifyOn, Templates},
    run::{Counts, Instance, RunState},
    run_id::RunId,
    time::DurationMs,
};
use weft_store::{
    AttemptRecord, InstanceRow, InstanceTag, MissedDeadline, RunStore as _, RunUpdate,
};
use weft_store_sql::{
    Database, DeliveryResult, DeliveryState, NewDelivery, NoticedBatch,
    secret::{KeyId, Sealed, SecretAddress, SecretKind},
};

const LEASE: DurationMs = DurationMs(60_000);

fn address(name: &str) -> SecretAddress {
    SecretAddress {
        tenant: TenantId::default(),
        kind: SecretKind::Destination,
        name: name.into(),
    }
}

fn destination(kind: DestinationKind, on: &[NotifyOn]) -> Destination {
    Destination {
        kind,
        address: "https://example.org".into(),
        on: on.to_vec(),
        dags: Vec::new(),
        tags: Vec::new(),
        fold: Fold {
            wait: DurationMs(0),
            interval: DurationMs(3_600_000),
        },
        templates: Templates::default(),
    }
}

async fn put(database: &Database, name: &str, about: &Destination) {
    let sealed = Sealed {
        key: KeyId(1),
        bytes: vec![1],
    };
    let address = address(name);
    let is_put = database.put_destination(&address, about, &sealed, "ada");
    assert!(is_put.await.unwrap());
}

fn ended(run: RunId, state: RunState) -> RunUpdate {
    RunUpdate {
        id: run,
        state,
        started: Some(at(1)),
        ended: state.is_ended().then_some(at(9)),
        counts: Counts::default(),
    }
}

fn failed(run: RunId, task: u32, index: u32) -> InstanceRow {
    InstanceRow {
        state: InstanceTag::Failed,
        error: Some(r#"{"code":"author","message":"no such host 7"}"#.into()),
        ..instance_row(run, task, index)
    }
}

async fn run_of(database: &Database, dag: &weft_store_sql::Deployed) -> RunId {
    database.trigger(&trigger_of(dag)).await.unwrap().run()
}

/// What was noticed, and when each run of it ended.
async fn noticed(database: &Database) -> NoticedBatch {
    database.noticed(100).await.unwrap()
}

pub(crate) async fn a_turn_notices_what_some_destination_wants(database: &Database) {
    let dag = one_dag(database, "etl").await;
    let lease = lease(database).await;
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(run_of(database, &dag).await);
    }
    let mut first = turn(database, lease).await;
    first.runs = vec![ended(runs[0], RunState::Failed)];
    database.commit(&first).await.unwrap();
    assert!(noticed(database).await.rows.is_empty());

    assert!(!database.has_destinations().await.unwrap());
    let about = destination(DestinationKind::Slack, &[NotifyOn::Failure]);
    put(database, "ops", &about).await;
    assert!(database.has_destinations().await.unwrap());
    let mut second = turn(database, lease).await;
    second.runs = vec![
        ended(runs[0], RunState::Failed),
        ended(runs[1], RunState::Failed),
        ended(runs[2], RunState::Success),
        ended(runs[3], RunState::Cancelled),
    ];
    second.instances = vec![
        failed(runs[1], 3, 2),
        failed(runs[1], 3, 1),
        failed(runs[1], 5, 0),
    ];
    database.commit(&second).await.unwrap();
    // A turn whose answer was lost is committed again, and is noticed once.
    database.commit(&second).await.unwrap();
    let batch = noticed(database).await;
    let [row] = &batch.rows[..] else {
        panic!("{batch:?}");
    };
    assert_eq!(
        (row.run, row.on, row.at),
        (runs[1], NotifyOn::Failure, at(9))
    );
    assert_eq!((row.dag, row.dag_id.as_str()), (dag.key, "etl"));
    let failure = row.failure.as_ref().unwrap();
    assert_eq!((failure.task, failure.index), (TaskIndex(3), 1));
    assert_eq!(
        (&*failure.code, &*failure.message),
        ("author", "no such host 7")
    );

    // Who wants recoveries needs what comes before one. A run that starts over is noticed again.
    let about = destination(DestinationKind::Slack, &[NotifyOn::Recovery]);
    put(database, "ops", &about).await;
    let mut third = turn(database, lease).await;
    third.runs = vec![ended(runs[1], RunState::Running)];
    database.commit(&third).await.unwrap();
    let mut fourth = turn(database, lease).await;
    fourth.runs = vec![ended(runs[1], RunState::Success)];
    database.commit(&fourth).await.unwrap();
    let kinds: Vec<NotifyOn> = noticed(database)
        .await
        .rows
        .iter()
        .map(|row| row.on)
        .collect();
    assert_eq!(kinds, [NotifyOn::Failure, NotifyOn::Success]);
}

pub(crate) async fn retried_attempts_are_noticed_by_cause(database: &Database) {
    let dag = one_dag(database, "etl").await;
    let run = run_of(database, &dag).await;
    put(
        database,
        "ops",
        &destination(DestinationKind::Slack, &[NotifyOn::Retry]),
    )
    .await;
    let retried = |index, end, error: &str| AttemptRecord {
        run,
        instance: Instance {
            task: TaskIndex(3),
            index,
        },
        number: 1,
        end,
        queued: None,
        started: None,
        ended: at(5),
        worker: None,
        error: Some(format!(r#"{{"code":"author","message":"{error}"}}"#).into()),
        usage: None,
        log: None,
    };
    let mut turn = turn(database, lease(database).await).await;
    turn.attempts = vec![
        retried(0, "failed", "no such host 1"),
        retried(1, "failed", "no such host 2"),
        retried(2, "lost", "the worker is gone"),
    ];
    turn.instances = vec![failed(run, 4, 0)];
    database.commit(&turn).await.unwrap();
    let batch = noticed(database).await;
    let [row] = &batch.rows[..] else {
        panic!("{batch:?}");
    };
    assert_eq!((row.on, row.attempts), (NotifyOn::Retry, 2));
    let failure = row.failure.as_ref().unwrap();
    assert_eq!(
        (failure.task, &*failure.message),
        (TaskIndex(3), "no such host 2")
    );
}

pub(crate) async fn a_missed_deadline_is_noticed_with_its_task(database: &Database) {
    let dag = one_dag(database, "etl").await;
    let run = run_of(database, &dag).await;
    let about = destination(DestinationKind::Slack, &[NotifyOn::Deadline]);
    put(database, "ops", &about).await;
    let mut turn = turn(database, lease(database).await).await;
    let missed = |task| MissedDeadline {
        run,
        task,
        at: at(7),
    };
    turn.missed = vec![missed(None), missed(Some(TaskIndex(3)))];
    database.commit(&turn).await.unwrap();
    let rows = noticed(database).await.rows;
    let rows = rows.iter();
    let mut rows: Vec<_> = rows
        .map(|row| {
            let failure = row.failure.as_ref();
            (row.on, row.at, failure.map(|failure| failure.task))
        })
        .collect();
    rows.sort();
    let expected = |task| (NotifyOn::Deadline, at(7), task);
    assert_eq!(rows, [expected(None), expected(Some(TaskIndex(3)))]);
}

/// A failure of the DAG.
fn notice(dag: &str, on: NotifyOn) -> Notice {
    Notice {
        on,
        dags: vec![dag.into()],
        ..Notice::test(at(5))
    }
}

async fn plan(database: &Database, name: &str, about: &Destination, notices: &[Notice]) {
    let new = notices
        .iter()
        .map(|notice| NewDelivery::new(&TenantId::default(), name, about, notice.clone()))
        .collect();
    let batch = noticed(database).await;
    let last = BTreeMap::new();
    let planned = database.plan_deliveries(&batch, &last, new);
    assert!(planned.await.unwrap());
}

pub(crate) async fn what_was_noticed_is_planned_once(database: &Database) {
    let dag = one_dag(database, "etl").await;
    let run = run_of(database, &dag).await;
    let about = destination(DestinationKind::Slack, &[NotifyOn::Failure]);
    put(database, "ops", &about).await;
    let mut turn = turn(database, lease(database).await).await;
    turn.runs = vec![ended(run, RunState::Failed)];
    database.commit(&turn).await.unwrap();
    let (one, other) = (noticed(database).await, noticed(database).await);
    assert_eq!((one.rows.len(), one.last.len()), (1, 0));
    let last = BTreeMap::from([(dag.key, NotifyOn::Failure)]);
    let new = || {
        let notice = notice("etl", NotifyOn::Failure);
        vec![NewDelivery::new(
            &TenantId::default(),
            "ops",
            &about,
            notice,
        )]
    };
    assert!(database.plan_deliveries(&one, &last, new()).await.unwrap());
    assert!(
        !database
            .plan_deliveries(&other, &last, new())
            .await
            .unwrap()
    );
    assert!(noticed(database).await.rows.is_empty());
    let tenant = TenantId::default();
    let made = database.list_deliveries(&tenant, None, None, 10).await;
    assert_eq!(made.unwrap().len(), 1);
    // How the DAG fared is known with the next row.
    let second = run_of(database, &dag).await;
    let mut turn = crate::setup::turn(database, turn.lease).await;
    turn.runs = vec![ended(second, RunState::Failed)];
    database.commit(&turn).await.unwrap();
    assert_eq!(noticed(database).await.last, last);
}

pub(crate) async fn notices_of_one_cause_are_folded_until_they_are_sent(database: &Database) {
    let tenant = TenantId::default();
    let about = destination(DestinationKind::Slack, &[NotifyOn::Failure]);
    put(database, "ops", &about).await;
    let failure = notice("etl", NotifyOn::Failure);
    let many: Vec<Notice> = vec![failure.clone(); 250];
    plan(database, "ops", &about, &many).await;
    plan(database, "ops", &about, &many).await;
    let claimed = database.claim_deliveries(LEASE, 10).await.unwrap();
    let [delivery] = &claimed[..] else {
        panic!("{claimed:?}");
    };
    assert_eq!((delivery.notice.count, delivery.attempts), (500, 1));
    // What is being sent is not changed, and the next message keeps its distance.
    plan(database, "ops", &about, &many[..3]).await;
    let listed = database
        .list_deliveries(&tenant, Some("ops"), None, 10)
        .await;
    let listed = listed.unwrap();
    let counts: Vec<u64> = listed.iter().map(|row| row.notice.count).collect();
    assert_eq!(counts, [3, 500]);
    assert!(
        listed[0].due.0 - listed[0].created.0 > 3_000_000,
        "{listed:?}"
    );
    let finished = database.finish_delivery(delivery, &DeliveryResult::Delivered);
    finished.await.unwrap();
    assert!(
        database
            .claim_deliveries(LEASE, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let shown = database.show_delivery(&tenant, delivery.id).await.unwrap();
    let shown = shown.unwrap();
    assert_eq!(
        (shown.state, shown.key),
        (DeliveryState::Delivered, delivery.key.clone())
    );
    let wait = database.next_delivery().await.unwrap().unwrap();
    assert!(wait.0 > 3_000_000, "{wait:?}");
    let gone = database.forget_deliveries(at(i64::MAX), 10).await.unwrap();
    assert_eq!(gone, 1);
}

pub(crate) async fn one_delivery_of_a_destination_is_sent_at_a_time(database: &Database) {
    let tenant = TenantId::default();
    let slack = destination(DestinationKind::Slack, &[NotifyOn::Success]);
    for name in ["a", "b"] {
        put(database, name, &slack).await;
        let notices = [
            notice("x", NotifyOn::Success),
            notice("y", NotifyOn::Success),
        ];
        plan(database, name, &slack, &notices).await;
    }
    let first = database.claim_deliveries(LEASE, 10).await.unwrap();
    let mut names: Vec<&str> = first.iter().map(|row| &*row.destination).collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b"]);
    assert!(
        database
            .claim_deliveries(LEASE, 10)
            .await
            .unwrap()
            .is_empty()
    );
    // A failure lets the next one go; it comes again itself.
    let failed = first.iter().find(|row| row.destination == "a").unwrap();
    let later = DeliveryResult::Retry(DurationMs(3_600_000), "no connection".into());
    database.finish_delivery(failed, &later).await.unwrap();
    let second = database.claim_deliveries(DurationMs(0), 10).await.unwrap();
    assert_eq!(second.len(), 1);
    assert_eq!(
        (&*second[0].destination, &*second[0].notice.dags[0]),
        ("a", "y")
    );
    let shown = database
        .show_delivery(&tenant, failed.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (shown.state, shown.error.as_deref()),
        (DeliveryState::Waiting, Some("no connection"))
    );
    // A claim that has ended is claimed again, and the late result of the first does not count.
    let again = database.claim_deliveries(LEASE, 10).await.unwrap();
    assert_eq!(
        (again.len(), again[0].id, again[0].attempts),
        (1, second[0].id, 2)
    );
    let late = DeliveryResult::GivenUp("late".into());
    database.finish_delivery(&second[0], &late).await.unwrap();
    let shown = database
        .show_delivery(&tenant, again[0].id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(shown.state, DeliveryState::Waiting);
    let other: TenantId = "other".parse().unwrap();
    assert_eq!(
        database.show_delivery(&other, again[0].id).await.unwrap(),
        None
    );
}

pub(crate) async fn a_recovery_does_not_overtake_its_failure(database: &Database) {
    let pager = destination(
        DestinationKind::PagerDuty,
        &[NotifyOn::Failure, NotifyOn::Recovery],
    );
    put(database, "pager", &pager).await;
    let notices = [
        notice("x", NotifyOn::Failure),
        notice("x", NotifyOn::Recovery),
        notice("y", NotifyOn::Failure),
    ];
    plan(database, "pager", &pager, &notices).await;
    let first = database.claim_deliveries(LEASE, 10).await.unwrap();
    assert_eq!(
        (first[0].on, &*first[0].notice.dags[0]),
        (NotifyOn::Failure, "x")
    );
    let later = DeliveryResult::Retry(DurationMs(3_600_000), "no connection".into());
    database.finish_delivery(&first[0], &later).await.unwrap();
    let second = database.claim_deliveries(LEASE, 10).await.unwrap();
    assert_eq!((second.len(), &*second[0].notice.dags[0]), (1, "y"));
    let done = database.finish_delivery(&second[0], &DeliveryResult::Delivered);
    done.await.unwrap();
    assert!(
        database
            .claim_deliveries(LEASE, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn a_removed_destination_gets_nothing_more(database: &Database) {
    let tenant = TenantId::default();
    let about = destination(DestinationKind::Webhook, &[NotifyOn::Failure]);
    put(database, "ops", &about).await;
    let test = database.test_destination(&tenant, ("ops", &about), "ada");
    let test = test.await.unwrap();
    assert_eq!(
        (test.on, test.state),
        (NotifyOn::Test, DeliveryState::Waiting)
    );
    let found = database.destinations(&tenant, 10).await.unwrap();
    assert_eq!(found, [("ops".to_owned(), about)]);
    assert!(
        database
            .delete_destination(&address("ops"), "ada")
            .await
            .unwrap()
    );
    assert!(
        !database
            .delete_destination(&address("ops"), "ada")
            .await
            .unwrap()
    );
    assert!(!database.has_destinations().await.unwrap());
    assert!(
        database
            .claim_deliveries(LEASE, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let shown = database
        .show_delivery(&tenant, test.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(shown.state, DeliveryState::GivenUp);
    let audit = database.list_audit(Some(&tenant), None, 3).await.unwrap();
    let actions: Vec<&str> = audit.iter().map(|row| &*row.entry.action).collect();
    assert_eq!(
        actions,
        ["destination.delete", "destination.test", "destination.put"]
    );
}
