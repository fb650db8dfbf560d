//! The cost of a long history: the same work on an empty database and on one with a million
//! finished runs and ten million task instances, on SQLite.
//!
//! `history FOLDER RUNS` writes so many finished runs of the first DAG into the
//! database of an installation that has been stopped, and measures nothing.

#![expect(
    clippy::unwrap_used,
    reason = "where a measurement meets what it does not expect, it should stop there"
)]

use rusqlite::Connection;
use std::{
    env,
    path::Path,
    time::{Duration, Instant},
};
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    id::TenantId,
    run::{Counts, Instance, RunState},
    run_id::RunId,
    time::{DurationMs, Timestamp},
};
use weft_store::{
    EventChunk, InstanceRow, InstanceTag, RunStore as _, RunUpdate, ShardLease, Turn,
};
use weft_store_sql::{
    DATABASE_FILE, Database, DatabaseLocation, Deploy, DeployDag, InstanceFilter, RunFilter,
    Trigger,
};

/// How many runs the history has.
const RUNS: u32 = 1_000_000;
/// How many task instances each of them has.
const INSTANCES: u32 = 10;
/// How often each thing is done.
const TIMES: usize = 200;
/// The longest that a page may take.
const PAGE_MS: f64 = 20.0;
/// How much slower a turn may be with the history.
const SLOWER: f64 = 1.1;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [folder, runs] = &arguments[..] {
        fill(Path::new(folder), runs.parse().unwrap());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let database = open(folder.path()).await;
    database.migrate().await.unwrap();
    let version = deploy(&database).await;
    let mut work = Work::begin(&database, version).await;
    let empty = work.measure(&database).await;
    database.close().await;

    fill(folder.path(), RUNS);
    let database = open(folder.path()).await;
    let mut work = Work::begin(&database, version).await;
    let full = work.measure(&database).await;
    for ((name, before), (_, after)) in empty.iter().zip(&full) {
        println!("{name}: {before:.3} ms when empty, {after:.3} ms with {RUNS} runs");
        let (value, unit, target) = if name.starts_with("a page") {
            (*after, "ms", PAGE_MS)
        } else {
            (after / before, "times", SLOWER)
        };
        println!(
            r#"{{"figure":"store: {name}, with 1,000,000 runs","unit":"{unit}","median":{value:.3},"target":{target}}}"#
        );
    }
}

async fn open(folder: &Path) -> Database {
    let folder = folder.into();
    Database::open(&DatabaseLocation::Sqlite { folder })
        .await
        .unwrap()
}

async fn deploy(database: &Database) -> weft_store::VersionId {
    let dag = DeployDag {
        id: "x".parse().unwrap(),
        document: "{}".into(),
        files: Vec::new(),
    };
    let deploy = Deploy {
        tenant: TenantId::default(),
        digest: Digest::of(b"file"),
        dags: vec![dag],
        activate: true,
        paused: false,
        by: "bench".into(),
    };
    database.deploy(&deploy).await.unwrap()[0].version
}

/// Finished runs of the first DAG, from the year 2001 on, so that they are older than all others.
fn fill(folder: &Path, runs: u32) {
    let file = folder.join(DATABASE_FILE);
    let sqlite = Connection::open(&file).unwrap();
    let first = RunId::new(Timestamp(1_000_000_000_000), 0).as_i64();
    let next = RunId::new(Timestamp(1_000_000_000_001), 0).as_i64() - first;
    let numbers = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {runs})"
    );
    let id = format!("{first} + n * {next}");
    let at = "1000000000000 + n";
    let statements = [
        "PRAGMA synchronous = OFF".to_owned(),
        "BEGIN IMMEDIATE".to_owned(),
        format!(
            "{numbers} INSERT INTO runs (id, tenant, dag, version, shard, kind, state, logical_date, \
                interval_start, interval_end, params, not_before, created, started, ended, counts) \
             SELECT {id}, 'default', dags.key, dags.active, dags.shard, 1, 10, {at}, {at}, {at}, '{{}}', {at}, \
                {at}, {at}, {at}, '{{\"success\":{INSTANCES}}}' \
             FROM numbers, (SELECT key, active, shard FROM dags ORDER BY key LIMIT 1) AS dags"
        ),
        format!(
            "{numbers} INSERT INTO run_events (run, seq, at, body) \
             SELECT {id}, 1, {at}, '{}' FROM numbers",
            "x".repeat(200)
        ),
        format!(
            "{numbers}, tasks (task) AS (SELECT 0 UNION ALL SELECT task + 1 FROM tasks WHERE task + 1 < {INSTANCES}) \
             INSERT INTO task_instances (run, task, map_index, state, cause, number, nonce, queued, started, ended, \
                worker, output, usage, log) \
             SELECT {id}, task, 0, 10, 'outcome', 1, 1, {at}, {at}, {at}, 'worker-1', '{{\"rows\":12345}}', \
                '{{\"cpu_ms\":3,\"memory\":65536}}', 'segment-1:4096:120' FROM numbers, tasks"
        ),
        "COMMIT".to_owned(),
        "PRAGMA wal_checkpoint(TRUNCATE)".to_owned(),
    ];
    for statement in statements {
        sqlite.execute_batch(&statement).unwrap();
    }
    drop(sqlite);
}

/// A run that goes on, and what is done to it.
struct Work {
    lease: ShardLease,
    trigger: Trigger,
    run: RunId,
    turns: i64,
    first_turn: i64,
}

impl Work {
    async fn begin(database: &Database, version: weft_store::VersionId) -> Self {
        let trigger = Trigger {
            tenant: TenantId::default(),
            dag: "x".parse().unwrap(),
            version,
            logical_date: None,
            interval: None,
            params: "{}".into(),
            concurrency_key: None,
            not_before: None,
            by: "bench".into(),
            trace: None,
            idempotency_key: None,
        };
        let run = database.trigger(&trigger).await.unwrap().run();
        let lease = database
            .lease_shards("bench", DurationMs(3_600_000), u32::MAX)
            .await
            .unwrap()[0];
        Self {
            lease,
            trigger,
            run,
            turns: 0,
            first_turn: database.shard_state(lease.shard).await.unwrap().turn,
        }
    }

    /// Medians in milliseconds.
    async fn measure(&mut self, database: &Database) -> Vec<(&'static str, f64)> {
        let runs = RunFilter::default();
        let instances = InstanceFilter {
            tenant: TenantId::default(),
            run: self.run,
            task: None,
            state: None,
            after: None,
        };
        let mut took: [Vec<Duration>; 5] = Default::default();
        for _time in 0..TIMES {
            let mut clock = Instant::now();
            let mut lap = |into: &mut Vec<Duration>| {
                into.push(clock.elapsed());
                clock = Instant::now();
            };
            database.trigger(&self.trigger).await.unwrap();
            lap(&mut took[0]);
            self.turns += 1;
            database.commit(&self.turn()).await.unwrap();
            lap(&mut took[1]);
            let shard = self.lease.shard;
            database
                .dags_with_queued_runs(shard, Timestamp(i64::MAX), None, 100)
                .await
                .unwrap();
            lap(&mut took[2]);
            database.list_runs(&runs, 50).await.unwrap();
            lap(&mut took[3]);
            database.list_instances(&instances, 50).await.unwrap();
            lap(&mut took[4]);
        }
        let names = [
            "a trigger",
            "a turn of one instance",
            "a look for queued runs",
            "a page of runs",
            "a page of task instances",
        ];
        names.into_iter().zip(took.map(median)).collect()
    }

    fn turn(&self) -> Turn {
        let instance = InstanceRow {
            run: self.run,
            instance: Instance {
                task: TaskIndex(0),
                index: u32::try_from(self.turns).unwrap(),
            },
            state: InstanceTag::Success,
            cause: "outcome",
            number: 1,
            nonce: 1 << 60,
            queued: Some(Timestamp(1)),
            started: Some(Timestamp(2)),
            ended: Some(Timestamp(3)),
            due: None,
            worker: Some("worker-1".into()),
            output: Some(weft_store::Output::Inline("{\"rows\":12345}".into())),
            resume: None,
            wait: None,
            woken: None,
            error: None,
            usage: Some("{\"cpu_ms\":3,\"memory\":65536}".into()),
            log: Some("segment-1:4096:120".into()),
        };
        Turn {
            lease: self.lease,
            number: self.first_turn + self.turns,
            new_runs: Vec::new(),
            runs: vec![RunUpdate {
                id: self.run,
                state: RunState::Running,
                started: Some(Timestamp(1)),
                ended: None,
                counts: Counts::default(),
            }],
            events: vec![EventChunk {
                run: self.run,
                seq: self.turns,
                at: Timestamp(1),
                body: "x".repeat(60),
            }],
            cleared: Vec::new(),
            attempts: Vec::new(),
            instances: vec![instance],
            tasks: Vec::new(),
            commands: Vec::new(),
            approvals: Vec::new(),
            missed: Vec::new(),
            updates: Vec::new(),
            timetables: Vec::new(),
        }
    }
}

fn median(mut took: Vec<Duration>) -> f64 {
    took.sort_unstable();
    took[took.len() / 2].as_secs_f64() * 1e3
}
