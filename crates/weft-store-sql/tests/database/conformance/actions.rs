//! Actions on many runs, notes, held DAGs: what operators do to runs.

use crate::setup::{at, dag_id, lease, one_dag, trigger_of, turn};
use weft_core::{
    document::TaskIndex,
    id::TenantId,
    run::{Instance, RunState},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{CommandKind, RunStore as _, RunUpdate, ShardId};
use weft_store_sql::{
    Backfill, BackfillDate, BackfillLimit, Database, NoteSubject, OtherDates, RunRetention, Trigger,
};

const SHARD: ShardId = ShardId(0);

pub(crate) async fn an_action_gives_a_run_one_command(database: &Database) {
    let dag = one_dag(database, "x").await;
    let tenant = TenantId::default();
    let mut runs = Vec::new();
    for _run in 0..2 {
        runs.push(database.trigger(&trigger_of(&dag)).await.unwrap().run());
    }
    let cancel = async |run: RunId, key: Option<&str>| {
        let kind = CommandKind::Cancel;
        let made = database.insert_command_once(&tenant, run, &kind, "bob", key);
        made.await.unwrap()
    };
    let first = cancel(runs[0], Some("k")).await;
    assert_eq!(cancel(runs[0], Some("k")).await, first);
    assert_ne!(cancel(runs[0], Some("other")).await, first);
    assert_ne!(cancel(runs[1], Some("k")).await, first);
    assert_ne!(cancel(runs[0], None).await, cancel(runs[0], None).await);
    let waiting = database.commands(SHARD, None, 99).await.unwrap();
    assert_eq!(waiting.readable.len(), 5);
    let of_key = async |tenant: &TenantId, key| {
        let found = database.find_command_of_key(tenant, runs[0], key);
        found.await.unwrap()
    };
    assert_eq!(of_key(&tenant, Some("k")).await, Some(first));
    assert_eq!(of_key(&tenant, None).await, None);
    let foreign: TenantId = "other".parse().unwrap();
    assert_eq!(of_key(&foreign, Some("k")).await, None);
}

pub(crate) async fn runs_of_other_dates_are_paged_by_date(database: &Database) {
    let dag = one_dag(database, "x").await;
    let other = one_dag(database, "y").await;
    let tenant = TenantId::default();
    let mut runs = Vec::new();
    for date in [30, 10, 20, 20, 40] {
        let trigger = Trigger {
            logical_date: Some(at(date)),
            ..trigger_of(&dag)
        };
        runs.push(database.trigger(&trigger).await.unwrap().run());
    }
    let trigger = Trigger {
        logical_date: Some(at(15)),
        ..trigger_of(&other)
    };
    let foreign = database.trigger(&trigger).await.unwrap().run();
    let mut start = turn(database, lease(database).await).await;
    let started = runs.iter().copied().chain([foreign]);
    start.runs = started
        .map(|id| RunUpdate {
            id,
            state: RunState::Running,
            started: Some(at(1)),
            ended: None,
            counts: weft_core::run::Counts::default(),
        })
        .collect();
    database.commit(&start).await.unwrap();
    let queued = Trigger {
        logical_date: Some(at(5)),
        ..trigger_of(&dag)
    };
    database.trigger(&queued).await.unwrap();
    let row = database.show_run(&tenant, runs[2]).await.unwrap().unwrap();
    let dates = async |dates, after: Option<(Timestamp, RunId)>, limit| {
        let rows = database.list_runs_beside(&row, dates, after, limit).await;
        let rows = rows.unwrap().into_iter();
        rows.map(|read| read.unwrap())
            .map(|row| (row.logical_date, row.id))
            .collect::<Vec<_>>()
    };
    let only = |found: &[(Timestamp, RunId)]| -> Vec<Timestamp> {
        found.iter().map(|(date, _)| *date).collect()
    };
    assert_eq!(only(&dates(OtherDates::Earlier, None, 9).await), [at(10)]);
    let later = dates(OtherDates::Later, None, 9).await;
    assert_eq!(only(&later), [at(30), at(40)]);
    let all = dates(OtherDates::All, None, 2).await;
    assert_eq!(only(&all), [at(10), at(30)]);
    assert_eq!(dates(OtherDates::All, Some(all[1]), 2).await, later[1..]);
}

pub(crate) async fn a_note_is_replaced_removed_and_goes_with_its_run(database: &Database) {
    let dag = one_dag(database, "x").await;
    let tenant = TenantId::default();
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let of_run = NoteSubject {
        run,
        instance: None,
    };
    let instance = Instance {
        task: TaskIndex(3),
        index: 7,
    };
    let of_instance = NoteSubject {
        instance: Some((instance, "t")),
        ..of_run
    };
    let put = async |tenant: &TenantId, subject, text| {
        let put = database.put_note(tenant, subject, text, "ada");
        put.await.unwrap()
    };
    let text = async |subject| {
        let note = database.show_note(&tenant, subject).await.unwrap();
        note.map(|note| note.text)
    };
    assert!(put(&tenant, of_run, "late").await);
    assert!(put(&tenant, of_instance, "odd").await);
    assert!(put(&tenant, of_instance, "known").await);
    assert_eq!(text(of_run).await.as_deref(), Some("late"));
    assert_eq!(text(of_instance).await.as_deref(), Some("known"));
    let shown = database.show_run(&tenant, run).await.unwrap().unwrap();
    let note = shown.note.unwrap();
    assert_eq!((&*note.text, &*note.by), ("late", "ada"));
    let foreign: TenantId = "other".parse().unwrap();
    assert!(!put(&foreign, of_run, "x").await);
    assert!(!put(&foreign, of_run, "").await);
    assert!(put(&tenant, of_run, "").await);
    assert!(put(&tenant, of_run, "").await, "there is none already");
    assert_eq!(text(of_run).await, None);

    let mut end = turn(database, lease(database).await).await;
    end.runs.push(RunUpdate {
        id: run,
        state: RunState::Success,
        started: Some(at(1)),
        ended: Some(at(2)),
        counts: weft_core::run::Counts::default(),
    });
    database.commit(&end).await.unwrap();
    let retention = RunRetention {
        before: at(4_000_000_000_000),
        keep_last: 0,
    };
    let step = database.delete_runs_before(retention, None, 9).await;
    assert_eq!(step.unwrap().deleted, [run]);
    assert_eq!(text(of_instance).await, None);
}

pub(crate) async fn a_hold_ends_with_its_pause(database: &Database) {
    let tenant = TenantId::default();
    one_dag(database, "x").await;
    let dag = dag_id("x");
    let state = async || {
        let dags = database.dags(SHARD, None, 9).await.unwrap();
        let row = database.show_dag(&tenant, &dag).await.unwrap().unwrap();
        let seen = &dags.readable[0];
        assert_eq!((seen.paused, seen.held), (row.paused, row.held));
        (row.paused, row.held)
    };
    let version = async || database.shard_state(SHARD).await.unwrap().settings;
    let before = version().await;
    assert!(database.hold_dag(&tenant, &dag, "ada").await.unwrap());
    assert_eq!(state().await, (true, true));
    let held = version().await;
    assert!(held > before);
    assert!(database.hold_dag(&tenant, &dag, "ada").await.unwrap());
    assert_eq!(version().await, held, "it is held already");
    assert!(database.pause_dag(&tenant, &dag, "ada").await.unwrap());
    assert_eq!(state().await, (true, false));
    assert!(database.hold_dag(&tenant, &dag, "ada").await.unwrap());
    assert!(database.unpause_dag(&tenant, &dag, "ada").await.unwrap());
    assert_eq!(state().await, (false, false));
    assert!(database.pause_dag(&tenant, &dag, "ada").await.unwrap());
    assert_eq!(state().await, (true, false));
    let unknown = dag_id("nosuch");
    assert!(!database.hold_dag(&tenant, &unknown, "ada").await.unwrap());
}

pub(crate) async fn a_limited_backfill_goes_on_where_it_was(database: &Database) {
    let dag = one_dag(database, "x").await;
    let backfill = |newest_first| Backfill {
        tenant: TenantId::default(),
        dag: dag.id.clone(),
        version: dag.version,
        range: (at(0), at(100)),
        dates: (1..=7)
            .map(|day| BackfillDate {
                logical_date: at(day * 10),
                interval: (at(day * 10), at(day * 10 + 10)),
            })
            .collect(),
        params: "{}".into(),
        concurrency_key: None,
        limit: Some(BackfillLimit {
            runs: 3,
            newest_first,
        }),
        by: "ada".into(),
    };
    let mut made = Vec::new();
    for newest_first in [true, false, false, false] {
        let request = backfill(newest_first);
        let would = database.preview_backfill(dag.key, &request).await.unwrap();
        let done = database.backfill(&request).await.unwrap();
        let dates: Vec<Timestamp> = done.made.iter().map(|(_run, date)| *date).collect();
        assert_eq!(would, (dates.clone(), done.existing));
        made.push(
            dates
                .iter()
                .map(|date| date.0 - at(0).0)
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(made, [vec![50, 60, 70], vec![10, 20, 30], vec![40], vec![]]);
}
