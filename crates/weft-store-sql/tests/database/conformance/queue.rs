//! The scheduler's reads of pending work: queued runs, commands.

use crate::setup::{at, dag_id, lease, one_dag, trigger_of, turn};
use std::sync::Arc;
use weft_core::{
    id::{TaskId, TenantId},
    run::{Counts, Marked, RunState, Selection},
    run_id::RunId,
};
use weft_store::{
    CommandDone, CommandKind, CommitError, NewRun, RunKind, RunStore as _, RunUpdate, ShardId,
};
use weft_store_sql::{
    CommandError, CommandOutcome, Database, Deployed, MAX_WAITING_COMMANDS, Trigger,
};

const SHARD: ShardId = ShardId(0);

pub(crate) fn new_run(dag: &Deployed, id: i64, date: i64) -> NewRun {
    NewRun {
        id: RunId::from_i64(id).unwrap(),
        tenant: TenantId::default(),
        dag: dag.key,
        version: dag.version,
        kind: RunKind::Scheduled,
        logical_date: at(date),
        interval: (at(date), at(date + 10)),
        params: "{}".into(),
        concurrency_key: None,
        not_before: at(date),
        created: at(date),
        trace: None,
        caller: None,
        taken: Vec::new(),
    }
}

pub(crate) async fn queued_runs_wait_for_their_time_in_order_of_dates(database: &Database) {
    let dag = one_dag(database, "x").await;
    let other = one_dag(database, "y").await;
    let mut runs = Vec::new();
    for (date, not_before) in [(30, 100), (10, 200), (20, 100)] {
        let trigger = Trigger {
            logical_date: Some(at(date)),
            not_before: Some(at(not_before)),
            ..trigger_of(&dag)
        };
        runs.push(database.trigger(&trigger).await.unwrap().run());
    }
    let late = Trigger {
        not_before: Some(at(500)),
        ..trigger_of(&other)
    };
    database.trigger(&late).await.unwrap();
    assert_eq!(
        database
            .dags_with_queued_runs(SHARD, at(99), None, 10)
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        database.next_queued(SHARD, at(0)).await.unwrap(),
        Some(at(100))
    );
    assert_eq!(
        database.next_queued(SHARD, at(100)).await.unwrap(),
        Some(at(200))
    );
    assert_eq!(database.next_queued(SHARD, at(500)).await.unwrap(), None);
    assert_eq!(
        database
            .dags_with_queued_runs(SHARD, at(100), None, 10)
            .await
            .unwrap(),
        [dag.key]
    );
    let due = database
        .queued_runs(dag.key, at(100), &[], 10)
        .await
        .unwrap()
        .readable;
    assert_eq!(
        due.iter().map(|run| run.id).collect::<Vec<_>>(),
        [runs[2], runs[0]]
    );
    let due = database
        .queued_runs(dag.key, at(200), &[], 1)
        .await
        .unwrap()
        .readable;
    assert_eq!(due[0].id, runs[1]);
    assert_eq!(due[0].interval, (at(10), at(10)));
    let both = database
        .dags_with_queued_runs(SHARD, at(900), None, 10)
        .await
        .unwrap();
    assert_eq!(both, [dag.key, other.key]);
    assert_eq!(
        database
            .dags_with_queued_runs(SHARD, at(900), None, 1)
            .await
            .unwrap(),
        [dag.key]
    );
    // The next page, however many DAGs the first one has.
    let after = Some(dag.key);
    assert_eq!(
        database
            .dags_with_queued_runs(SHARD, at(900), after, 1)
            .await
            .unwrap(),
        [other.key]
    );
    let after = Some(other.key);
    assert_eq!(
        database
            .dags_with_queued_runs(SHARD, at(900), after, 1)
            .await
            .unwrap(),
        []
    );
}

/// A run with this key that waits, by hand.
async fn with_key(database: &Database, dag: &Deployed, date: i64, key: Option<&str>) -> RunId {
    let trigger = Trigger {
        logical_date: Some(at(date)),
        not_before: Some(at(0)),
        concurrency_key: key.map(Into::into),
        ..trigger_of(dag)
    };
    database.trigger(&trigger).await.unwrap().run()
}

pub(crate) async fn queued_runs_are_read_without_those_of_some_keys(database: &Database) {
    let dag = one_dag(database, "x").await;
    let strange = "\u{e4} \"b\" \\u0062";
    let keys = [None, Some("a"), Some(""), Some("a"), Some(strange)];
    let mut runs = Vec::new();
    for (date, key) in (1..).zip(keys) {
        runs.push(with_key(database, &dag, date, key).await);
    }
    let read = async |without: &[&str], limit| {
        let without: Vec<Arc<str>> = without.iter().map(|key| Arc::from(*key)).collect();
        let read = database.queued_runs(dag.key, at(9), &without, limit).await;
        let read = read.unwrap().readable;
        let known = (0..).zip(keys);
        for (at, key) in known {
            let run: Option<&weft_store::StoredRun> = read.iter().find(|run| run.id == runs[at]);
            assert!(run.is_none_or(|run| run.concurrency_key.as_deref() == key));
        }
        read.iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(read(&[], 9).await, runs);
    assert_eq!(read(&["a"], 9).await, [runs[0], runs[2], runs[4]]);
    assert_eq!(read(&["a", "none"], 2).await, [runs[0], runs[2]]);
    assert_eq!(read(&["", "a", strange], 9).await, [runs[0]]);
    let shown = database
        .show_run(&TenantId::default(), runs[4])
        .await
        .unwrap();
    assert_eq!(shown.unwrap().concurrency_key.as_deref(), Some(strange));
}

pub(crate) async fn starts_of_runs_with_a_key_are_known(database: &Database) {
    let (dag, other) = (one_dag(database, "x").await, one_dag(database, "y").await);
    let mut turn = turn(database, lease(database).await).await;
    for (id, (of, key, started)) in (1..).zip([
        (&dag, Some("a"), Some(10)),
        (&dag, Some("b"), Some(30)),
        (&dag, Some("a"), Some(20)),
        (&dag, None, Some(25)),
        (&dag, Some("a"), None),
        (&other, Some("a"), Some(15)),
    ]) {
        let run = NewRun {
            concurrency_key: key.map(Into::into),
            ..new_run(of, id, id)
        };
        turn.runs.push(RunUpdate {
            id: run.id,
            state: if started.is_some() {
                RunState::Running
            } else {
                RunState::Pending
            },
            started: started.map(at),
            ended: None,
            counts: Counts::default(),
        });
        turn.new_runs.push(run);
    }
    database.commit(&turn).await.unwrap();
    let starts = async |after, limit| {
        let starts = database.starts_by_key(dag.key, at(after), limit).await;
        starts.unwrap()
    };
    let (a10, a20, b30) = (
        (at(10), Arc::from("a")),
        (at(20), Arc::from("a")),
        (at(30), Arc::from("b")),
    );
    assert_eq!(starts(0, 9).await, [a10, a20.clone(), b30.clone()]);
    assert_eq!(starts(10, 9).await, [a20, b30.clone()]);
    assert_eq!(starts(0, 1).await, [b30]);
    let of_key = async |key, after| {
        let starts = database.starts_of_key(dag.key, key, at(after)).await;
        starts.unwrap()
    };
    assert_eq!(of_key("a", 0).await, (2, Some(at(10))));
    assert_eq!(of_key("a", 10).await, (1, Some(at(20))));
    assert_eq!(of_key("none", 0).await, (0, None));
    let active = async |key| database.active_runs_of_key(dag.key, key).await.unwrap();
    assert_eq!(active(Some("a")).await, (4, 2));
    assert_eq!(active(None).await, (4, 0));
}

pub(crate) async fn queued_runs_of_a_timetable_are_counted(database: &Database) {
    let dag = one_dag(database, "x").await;
    let other = one_dag(database, "y").await;
    database.trigger(&trigger_of(&dag)).await.unwrap();
    let count = async |limit| {
        let counted = database.count_queued_scheduled(dag.key, limit).await;
        counted.unwrap()
    };
    assert_eq!(count(10).await, 0, "a person's run is not the timetable's");
    let lease = lease(database).await;
    let mut first = turn(database, lease).await;
    first.new_runs = (1..=3).map(|id| new_run(&dag, id, id)).collect();
    first.new_runs.push(new_run(&other, 4, 4));
    database.commit(&first).await.unwrap();
    assert_eq!(count(10).await, 3);
    assert_eq!(count(2).await, 2, "no further than the limit");
}

pub(crate) async fn queued_runs_of_paused_dags_are_not_listed(database: &Database) {
    let dag = one_dag(database, "x").await;
    database.trigger(&trigger_of(&dag)).await.unwrap();
    let tenant = TenantId::default();
    database
        .pause_dag(&tenant, &dag_id("x"), "bob")
        .await
        .unwrap();
    let far = at(i64::MAX);
    assert_eq!(
        database
            .dags_with_queued_runs(SHARD, far, None, 10)
            .await
            .unwrap(),
        []
    );
    database
        .unpause_dag(&tenant, &dag_id("x"), "bob")
        .await
        .unwrap();
    assert_eq!(
        database
            .dags_with_queued_runs(SHARD, far, None, 10)
            .await
            .unwrap(),
        [dag.key]
    );
}

pub(crate) async fn a_scheduled_date_has_one_run(database: &Database) {
    let dag = one_dag(database, "x").await;
    let lease = lease(database).await;
    let mut first = turn(database, lease).await;
    first.new_runs = vec![new_run(&dag, 2, 20), new_run(&dag, 1, 10)];
    database.commit(&first).await.unwrap();
    let mut second = turn(database, lease).await;
    second.new_runs = vec![new_run(&dag, 3, 30), new_run(&dag, 4, 10)];
    let error = database.commit(&second).await.unwrap_err();
    assert!(
        matches!(error, CommitError::RunExists(id) if id.as_i64() == 4),
        "{error}"
    );
    assert!(
        database
            .run(RunId::from_i64(3).unwrap())
            .await
            .unwrap()
            .is_none()
    );
    // A run by hand for the same date is another matter.
    let by_hand = Trigger {
        logical_date: Some(at(10)),
        ..trigger_of(&dag)
    };
    database.trigger(&by_hand).await.unwrap();
    assert_eq!(
        database
            .queued_runs(dag.key, at(i64::MAX), &[], 10)
            .await
            .unwrap()
            .readable
            .len(),
        3
    );
}

pub(crate) async fn commands_wait_until_they_are_done(database: &Database) {
    let dag = one_dag(database, "x").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let tenant = TenantId::default();
    let task: TaskId = "t".parse().unwrap();
    let kinds = [
        CommandKind::Cancel,
        CommandKind::Fail,
        CommandKind::Clear(Selection::of(vec![task.clone()], true)),
        CommandKind::Clear(Selection::failed()),
        CommandKind::Clear(Selection {
            indexes: Some("3,7-9".parse().unwrap()),
            upstream: true,
            ..Selection::of(vec![task.clone()], false)
        }),
        CommandKind::Mark {
            task: task.clone(),
            index: 3,
            as_state: Marked::Skipped,
        },
        CommandKind::Wake { task, index: 0 },
    ];
    let mut ids = Vec::new();
    for kind in &kinds {
        ids.push(
            database
                .insert_command(&tenant, run, kind, "bob")
                .await
                .unwrap(),
        );
    }
    let waiting = database.commands(SHARD, None, 10).await.unwrap().readable;
    assert_eq!(
        waiting
            .iter()
            .map(|command| command.kind.clone())
            .collect::<Vec<_>>(),
        kinds
    );
    let next = database.commands(SHARD, Some(ids[1]), 1).await.unwrap();
    assert_eq!(next.readable[0].id, ids[2]);
    let mut turn = turn(database, lease(database).await).await;
    turn.commands = vec![
        CommandDone {
            id: ids[1],
            run,
            refused: Some("no".into()),
        },
        CommandDone {
            id: ids[0],
            run,
            refused: None,
        },
    ];
    turn.runs.push(RunUpdate {
        id: run,
        state: RunState::Cancelled,
        started: None,
        ended: Some(at(5)),
        counts: Counts::default(),
    });
    database.commit(&turn).await.unwrap();
    let left = u32::try_from(kinds.len() - turn.commands.len()).unwrap();
    let waiting = database.commands(SHARD, None, 10).await.unwrap();
    assert_eq!(waiting.len(), left as usize);
    let done = database
        .show_command(&tenant, ids[0])
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(done.outcome, CommandOutcome::CarriedOut(_)));
    let refused = database
        .show_command(&tenant, ids[1])
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(refused.outcome, CommandOutcome::Refused(_, why) if why == "no"));
    let unknown = RunId::from_i64(1).unwrap();
    let error = database
        .insert_command(&tenant, unknown, &kinds[0], "bob")
        .await
        .unwrap_err();
    assert!(matches!(error, CommandError::UnknownRun(_)), "{error}");
    for _more in left..MAX_WAITING_COMMANDS {
        database
            .insert_command(&tenant, run, &kinds[0], "bob")
            .await
            .unwrap();
    }
    let error = database
        .insert_command(&tenant, run, &kinds[0], "bob")
        .await
        .unwrap_err();
    assert!(matches!(error, CommandError::TooMany(_)), "{error}");
}
