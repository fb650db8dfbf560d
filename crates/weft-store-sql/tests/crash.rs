//! A process that commits turns is killed at any moment: after it is opened again,
//! the database holds every turn that was acknowledged, whole, and at most the one after.
//!
//! This test is its own child: with a folder as its argument it commits for ever.

#![expect(
    clippy::unwrap_used,
    reason = "where a test meets what it does not expect, it should stop there"
)]

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
};
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    id::TenantId,
    run::{Counts, Instance, RunState},
    run_id::RunId,
    time::{DurationMs, Timestamp},
};
use weft_store::{EventChunk, InstanceRow, InstanceTag, Output, RunStore as _, RunUpdate, Turn};
use weft_store_sql::{
    Database, DatabaseLocation, Deploy, DeployDag, InstanceFilter, OpenError, RunFilter, Trigger,
};
use weft_sweeps::STORE_KILLS;

/// Instances of each turn.
const WIDTH: u32 = 5;
/// The environment variable that marks the child.
const CHILD: &str = "WEFT_STORE_CRASH_FOLDER";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let Some(folder) = env::var_os(CHILD) {
        runtime.block_on(commit_for_ever(Path::new(&folder)));
    } else {
        runtime.block_on(kill_and_look());
        println!(
            "{} kills: every acknowledged turn was there, and no part of another",
            STORE_KILLS.size()
        );
    }
}

async fn kill_and_look() {
    let folder = tempfile::tempdir().unwrap();
    let place = DatabaseLocation::Sqlite {
        folder: folder.path().into(),
    };
    let mut random = fastrand::Rng::with_seed(7);
    let mut before = 0;
    for kill in 0..STORE_KILLS.size() {
        let acknowledged = killed_child(folder.path(), &place, random.u64(1..40)).await;
        let database = Database::open(&place).await.unwrap();
        database.check().await.unwrap();
        let found = turns_of(&database).await;
        assert!(
            found == acknowledged || found == acknowledged + 1,
            "kill {kill}: {acknowledged} turns were acknowledged, {found} are there"
        );
        assert!(found > before, "it goes on where it was");
        before = found;
        database.close().await;
    }
}

/// Starts the child, kills it after this many acknowledged turns, and returns the last of them.
async fn killed_child(folder: &Path, place: &DatabaseLocation, turns: u64) -> u64 {
    let mut child: Child = Command::new(env::current_exe().unwrap())
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut last = 0;
    for _turn in 0..turns {
        last = lines
            .next()
            .expect("the child lives")
            .unwrap()
            .parse()
            .unwrap();
    }
    let refused = Database::open(place)
        .await
        .err()
        .expect("the child holds the folder");
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said between the last line that was read and its end.
    for line in lines {
        if let Ok(number) = line.unwrap().parse() {
            last = number;
        }
    }
    last
}

/// How many turns the run has, all of them whole.
async fn turns_of(database: &Database) -> u64 {
    let tenant = TenantId::default();
    let runs = database.list_runs(&RunFilter::default(), 10).await.unwrap();
    let runs: Vec<_> = runs.into_iter().map(Result::unwrap).collect();
    let [run] = &runs[..] else {
        panic!("one run: {runs:?}")
    };
    let stored = database.run(run.id).await.unwrap().unwrap().unwrap();
    let turns = stored.events.len() as u64;
    for (number, event) in (1..).zip(&stored.events) {
        assert_eq!(*event, format!("turn {number}"));
    }
    assert_eq!(
        run.counts.success, turns,
        "the run's row is of the last turn"
    );
    for index in 0..WIDTH {
        let filter = InstanceFilter {
            tenant: tenant.clone(),
            run: run.id,
            task: Some(TaskIndex(index)),
            state: None,
            after: None,
        };
        let rows = database.list_instances(&filter, 10).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(u64::from(rows[0].number), turns, "so is instance {index}");
    }
    turns
}

async fn commit_for_ever(folder: &Path) {
    let place = DatabaseLocation::Sqlite {
        folder: folder.into(),
    };
    let database = Database::open(&place).await.unwrap();
    database.migrate().await.unwrap();
    let run = the_run(&database).await;
    let lease = database
        .lease_shards("child", DurationMs(60_000), u32::MAX)
        .await
        .unwrap()[0];
    let mut done = database
        .run(run)
        .await
        .unwrap()
        .unwrap()
        .unwrap()
        .events
        .len() as u64;
    let mut out = std::io::stdout();
    let first = database.shard_state(lease.shard).await.unwrap().turn + 1;
    for number in first.. {
        done += 1;
        let turn = Turn {
            lease,
            number,
            new_runs: Vec::new(),
            runs: vec![RunUpdate {
                id: run,
                state: RunState::Running,
                started: None,
                ended: None,
                counts: Counts {
                    success: done,
                    ..Counts::default()
                },
            }],
            events: vec![EventChunk {
                run,
                seq: i64::try_from(done).unwrap(),
                at: Timestamp(0),
                body: format!("turn {done}"),
            }],
            cleared: Vec::new(),
            attempts: Vec::new(),
            instances: (0..WIDTH).map(|index| instance(run, index, done)).collect(),
            tasks: Vec::new(),
            commands: Vec::new(),
            approvals: Vec::new(),
            missed: Vec::new(),
            updates: Vec::new(),
            timetables: Vec::new(),
        };
        database.commit(&turn).await.unwrap();
        // One write, which a kill leaves out or whole.
        out.write_all(format!("{done}\n").as_bytes()).unwrap();
        out.flush().unwrap();
    }
}

fn instance(run: RunId, task: u32, done: u64) -> InstanceRow {
    InstanceRow {
        run,
        instance: Instance {
            task: TaskIndex(task),
            index: 0,
        },
        state: InstanceTag::Running,
        cause: "progress",
        number: u32::try_from(done).unwrap(),
        nonce: done,
        queued: None,
        started: None,
        ended: None,
        due: None,
        worker: None,
        // Large enough to spill over pages.
        output: Some(Output::Inline("x".repeat(3_000).into())),
        resume: None,
        wait: None,
        woken: None,
        error: None,
        usage: None,
        log: None,
    }
}

/// The one run, made at the first start.
async fn the_run(database: &Database) -> RunId {
    let runs = database.list_runs(&RunFilter::default(), 1).await.unwrap();
    let runs: Vec<_> = runs.into_iter().map(Result::unwrap).collect();
    if let [run] = &runs[..] {
        return run.id;
    }
    let tenant = TenantId::default();
    let deployed = database
        .deploy(&Deploy {
            tenant: tenant.clone(),
            digest: Digest::of(b"file"),
            dags: vec![DeployDag {
                id: "x".parse().unwrap(),
                document: "{}".into(),
                files: Vec::new(),
            }],
            activate: true,
            paused: false,
            by: "child".into(),
        })
        .await
        .unwrap();
    let triggered = database
        .trigger(&Trigger {
            tenant,
            dag: "x".parse().unwrap(),
            version: deployed[0].version,
            logical_date: None,
            interval: None,
            params: "{}".into(),
            concurrency_key: None,
            not_before: None,
            by: "child".into(),
            trace: None,
            idempotency_key: Some("the run".into()),
        })
        .await
        .unwrap();
    triggered.run()
}
