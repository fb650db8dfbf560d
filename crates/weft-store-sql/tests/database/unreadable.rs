//! Rows that can't be read: each is returned as such, and everything else is read.

use crate::{
    raw::Raw,
    setup::{Home, at, file, lease, one_dag, trigger_of, turn},
};
use std::sync::Arc;
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    id::TenantId,
    run::{Counts, Instance, RunState},
    run_id::RunId,
    suspicion::{Blamed, Crash},
};
use weft_store::{
    CommandDone, CommandKind, CrashUpdate, HeldRun, Pool, RunStore as _, RunUpdate, ShardId,
    StoreError, Unreadable,
};
use weft_store_sql::{CommandOutcome, Database, Deployed, RunFilter, RunRow};

const SHARD: ShardId = ShardId(0);

macro_rules! on_both {
    ($($case:ident),* $(,)?) => { $(
        mod $case {
            #[tokio::test]
            async fn sqlite() {
                super::$case(&crate::setup::sqlite().await).await;
            }
            #[tokio::test]
            async fn postgres() {
                super::$case(&crate::setup::postgres().await).await;
            }
        }
    )* };
}

on_both!(
    a_bad_row_of_a_run_leaves_the_others_readable,
    a_bad_command_is_returned_with_its_run_and_shows_its_refusal,
    a_bad_dag_leaves_the_others_readable,
    a_version_from_the_next_release_is_read_as_far_as_it_is_known,
    bad_settings_hold_back_what_they_bound,
    a_bad_crash_leaves_the_others_readable,
    held_runs_are_shown_until_they_are_replaced,
);

async fn meddle(home: &Home, sql: &str) {
    let mut raw = Raw::of(&home.place).await;
    raw.run(sql).await.unwrap();
}

async fn triggered(home: &Home, dag: &Deployed) -> RunId {
    let triggered = home.database.trigger(&trigger_of(dag)).await;
    triggered.unwrap().run()
}

/// Runs in the order of their ids; those of one millisecond are in random order.
async fn four_runs(home: &Home, dag: &Deployed) -> [RunId; 4] {
    let mut runs = [triggered(home, dag).await; 4];
    for run in &mut runs[1..] {
        *run = triggered(home, dag).await;
    }
    runs.sort_unstable();
    runs
}

/// Commits that the runs are running.
async fn start(database: &Database, runs: &[RunId]) {
    let mut turn = turn(database, lease(database).await).await;
    let running = |run: &RunId| RunUpdate {
        id: *run,
        state: RunState::Running,
        started: Some(at(1)),
        ended: None,
        counts: Counts::default(),
    };
    turn.runs = runs.iter().map(running).collect();
    database.commit(&turn).await.unwrap();
}

async fn a_bad_row_of_a_run_leaves_the_others_readable(home: &Home) {
    let database = &home.database;
    let dag = one_dag(database, "etl").await;
    let runs = four_runs(home, &dag).await;
    start(database, &runs[2..]).await;
    for bad in [runs[0], runs[3]] {
        let sql = format!("UPDATE runs SET kind = 9 WHERE id = {}", bad.as_i64());
        meddle(home, &sql).await;
    }
    let queued = database
        .queued_runs(dag.key, at(i64::MAX), &[], 9)
        .await
        .unwrap();
    assert_eq!(queued.readable[0].id, runs[1]);
    assert_eq!(queued.unreadable[0].key, runs[0]);
    assert!(
        queued.unreadable[0].why.contains("kind of run 9"),
        "{queued:?}"
    );
    let active = database.active_runs(SHARD, None, 9).await.unwrap();
    assert_eq!(active.readable[0].id, runs[2]);
    assert_eq!(active.unreadable[0].key, runs[3]);
    assert_eq!(active.last_key(|run| run.id), Some(runs[3]));
    let filter = RunFilter::default();
    let listed = database.list_runs(&filter, 9).await.unwrap();
    let id = |run: &Result<RunRow, Unreadable<RunId>>| match run {
        Ok(run) => (run.id, true),
        Err(run) => (run.key, false),
    };
    assert_eq!(
        listed.iter().map(id).collect::<Vec<_>>(),
        [
            (runs[3], false),
            (runs[2], true),
            (runs[1], true),
            (runs[0], false)
        ]
    );
    let one = database.run(runs[3]).await.unwrap().unwrap();
    assert_eq!(one.unwrap_err().key, runs[3]);
}

/// The database refuses to read a row, as it does where a block of its files is damaged.
async fn damage(home: &Home, table: &str, columns: &str, damaged: &str) {
    let columns = columns.replace("DAMAGED", damaged);
    let sql = format!(
        "CREATE FUNCTION damaged_{table}(value anyelement) RETURNS anyelement STABLE LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION 'missing chunk number 0 for toast value' USING ERRCODE = 'XX001'; END $$; \
         ALTER TABLE {table} RENAME TO whole_{table}; \
         CREATE VIEW {table} AS SELECT {columns} FROM whole_{table}"
    );
    meddle(home, &sql).await;
}

#[tokio::test]
async fn a_row_that_postgres_can_not_read_leaves_the_others_readable() {
    let home = crate::setup::postgres().await;
    let database = &home.database;
    let dag = one_dag(database, "etl").await;
    let runs = four_runs(&home, &dag).await;
    let tenant = TenantId::default();
    let mut commands = Vec::new();
    for run in &runs[..2] {
        let command = database.insert_command(&tenant, *run, &CommandKind::Cancel, "ada");
        commands.push(command.await.unwrap());
    }
    start(database, &runs[2..]).await;
    let columns = "id, tenant, dag, shard, version, kind, state, logical_date, interval_start, interval_end, \
        not_before, created, trace, caller, caller_task, caller_index, caller_dags, concurrency_key, CASE WHEN id IN (DAMAGED) THEN damaged_runs(params) ELSE params END AS params";
    let damaged = format!("{}, {}", runs[0].as_i64(), runs[3].as_i64());
    damage(&home, "runs", columns, &damaged).await;
    let columns = "id, shard, run, done, CASE WHEN id = DAMAGED THEN damaged_commands(body) ELSE body END AS body";
    damage(&home, "commands", columns, &commands[0].0.to_string()).await;

    let queued = database
        .queued_runs(dag.key, at(i64::MAX), &[], 9)
        .await
        .unwrap();
    assert_eq!(queued.readable[0].id, runs[1]);
    assert_eq!(queued.unreadable[0].key, runs[0]);
    assert!(
        queued.unreadable[0].why.contains("missing chunk"),
        "{queued:?}"
    );
    let active = database.active_runs(SHARD, None, 9).await.unwrap();
    assert_eq!(active.readable[0].id, runs[2]);
    assert_eq!(active.unreadable[0].key, runs[3]);
    let one = database.run(runs[3]).await.unwrap().unwrap();
    assert_eq!(one.unwrap_err().key, runs[3]);
    let waiting = database.commands(SHARD, None, 9).await.unwrap();
    assert_eq!(waiting.readable[0].id, commands[1]);
    assert_eq!(waiting.unreadable[0].key, (commands[0], runs[0]));
}

async fn a_bad_command_is_returned_with_its_run_and_shows_its_refusal(home: &Home) {
    let database = &home.database;
    let tenant = TenantId::default();
    let dag = one_dag(database, "etl").await;
    let run = triggered(home, &dag).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let command = database.insert_command(&tenant, run, &CommandKind::Cancel, "ada");
        ids.push(command.await.unwrap());
    }
    let body = r#"{"kind":"fly","to":"the moon"}"#;
    let sql = format!(
        "UPDATE commands SET body = '{body}' WHERE id = {}",
        ids[0].0
    );
    meddle(home, &sql).await;
    let commands = database.commands(SHARD, None, 9).await.unwrap();
    assert_eq!(commands.readable[0].id, ids[1]);
    assert_eq!(commands.unreadable[0].key, (ids[0], run));
    assert!(commands.unreadable[0].why.contains("fly"), "{commands:?}");
    let mut turn = turn(database, lease(database).await).await;
    turn.commands.push(CommandDone {
        id: ids[0],
        run,
        refused: Some("not known".into()),
    });
    database.commit(&turn).await.unwrap();
    let row = database
        .show_command(&tenant, ids[0])
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(row.outcome, CommandOutcome::Refused(_, why) if why == "not known"));
}

async fn a_bad_dag_leaves_the_others_readable(home: &Home) {
    let database = &home.database;
    let good = one_dag(database, "good").await;
    let bad = one_dag(database, "bad").await;
    meddle(
        home,
        &format!("UPDATE dags SET id = '' WHERE key = {}", bad.key.0),
    )
    .await;
    let dags = database.dags(SHARD, None, 9).await.unwrap();
    assert_eq!(dags.readable[0].key, good.key);
    assert_eq!(dags.unreadable[0].key, bad.key);
    assert_eq!(dags.last_key(|dag| dag.key), Some(bad.key));
    meddle(home, "UPDATE versions SET files = 'damaged'").await;
    let version = database.version(bad.version).await;
    assert!(
        matches!(version, Err(StoreError::Corrupt(_))),
        "{version:?}"
    );
}

async fn a_version_from_the_next_release_is_read_as_far_as_it_is_known(home: &Home) {
    let database = &home.database;
    let dag = one_dag(database, "etl").await;
    let tenant = TenantId::default();
    let run = triggered(home, &dag).await;
    let kind = CommandKind::Cancel;
    let command = database.insert_command(&tenant, run, &kind, "ada").await;
    let digest = Digest::of(b"etl").hex();
    let files = format!(r#"[{{"name":"","digest":"{digest}","bytes":7}}]"#);
    meddle(home, &format!("UPDATE versions SET files = '{files}'")).await;
    let body = r#"{"kind":"cancel","reason":"of the next version"}"#;
    meddle(home, &format!("UPDATE commands SET body = '{body}'")).await;
    let version = database.version(dag.version).await.unwrap().unwrap();
    assert_eq!(version.files, file("etl", &["etl"]).dags[0].files);
    let commands = database.commands(SHARD, None, 9).await.unwrap();
    assert_eq!(commands.readable[0].id, command.unwrap());
    assert_eq!(commands.readable[0].kind, kind);
}

async fn bad_settings_hold_back_what_they_bound(home: &Home) {
    let database = &home.database;
    let tenant = TenantId::default();
    for pool in ["bad", "good"] {
        let pool = Pool {
            tenant: tenant.clone(),
            name: pool.into(),
            slots: 3,
        };
        database.put_pool(&pool, "ada").await.unwrap();
    }
    meddle(
        home,
        "UPDATE pools SET slots = -1 WHERE name = 'bad'; UPDATE tenants SET weight = -7",
    )
    .await;
    let settings = database.settings(SHARD).await.unwrap();
    assert_eq!(settings.pools.len(), 1);
    assert_eq!(settings.pools[0].name, "good");
    let bounds: Vec<_> = settings.tenants.iter().collect();
    assert_eq!(bounds[0].tenant, tenant);
    assert_eq!(bounds[0].max_active_tasks, Some(0));
    let unreadable: Vec<_> = settings.unreadable.iter().map(|row| &*row.key).collect();
    assert_eq!(unreadable, ["tenant default", "pool bad of tenant default"]);
}

async fn a_bad_crash_leaves_the_others_readable(home: &Home) {
    let database = &home.database;
    let dag = one_dag(database, "etl").await;
    let run = triggered(home, &dag).await;
    let counted = |number: u32| {
        let blamed = Blamed {
            dag: dag.key.0,
            digest: Digest::of(b"file"),
            task: "task".parse().unwrap(),
        };
        let crash = Crash {
            run,
            instance: Instance {
                task: TaskIndex(0),
                index: 0,
            },
            number,
            worker: Arc::from("one"),
            at: at(1),
            absolved: false,
        };
        CrashUpdate::Counted(blamed, crash)
    };
    database
        .record_crashes(&[counted(1), counted(2)])
        .await
        .unwrap();
    meddle(home, "UPDATE crashes SET task = '' WHERE number = 1").await;
    let crashes = database.crashes(SHARD).await.unwrap();
    assert_eq!(crashes.readable[0].1.number, 2);
    assert_eq!(crashes.unreadable[0].key, run);
}

async fn held_runs_are_shown_until_they_are_replaced(home: &Home) {
    let database = &home.database;
    let dag = one_dag(database, "etl").await;
    let (first, second) = (triggered(home, &dag).await, triggered(home, &dag).await);
    let held = |run| HeldRun {
        run,
        why: "its version".into(),
    };
    let shown = async |run| {
        let row = database.show_run(&TenantId::default(), run).await;
        row.unwrap().unwrap().held.map(|why| why.to_string())
    };
    let before = lease(database).await;
    let both = [held(second), held(first)];
    database.replace_held_runs(before, &both).await.unwrap();
    database.replace_held_runs(before, &both).await.unwrap();
    assert_eq!(shown(first).await.as_deref(), Some("its version"));
    database.release_shard(before).await.unwrap();
    let now = lease(database).await;
    database
        .replace_held_runs(now, &[held(first)])
        .await
        .unwrap();
    assert_eq!(shown(first).await.as_deref(), Some("its version"));
    assert_eq!(shown(second).await, None);
    // A scheduler that was deposed changes nothing.
    database.replace_held_runs(before, &[]).await.unwrap();
    assert_eq!(shown(first).await.as_deref(), Some("its version"));
}
