//! The cost of turns and triggers on SQLite, each durable: medians, beside one bare commit.

#![expect(
    clippy::unwrap_used,
    reason = "where a measurement meets what it does not expect, it should stop there"
)]

use std::time::{Duration, Instant};
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
use weft_store_sql::{Database, DatabaseLocation, Deploy, DeployDag, RunFilter, Trigger};

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&DatabaseLocation::Sqlite {
        folder: folder.path().into(),
    })
    .await
    .unwrap();
    database.migrate().await.unwrap();
    let tenant = TenantId::default();
    let deploy = Deploy {
        tenant: tenant.clone(),
        digest: Digest::of(b"file"),
        dags: vec![DeployDag {
            id: "x".parse().unwrap(),
            document: "{}".into(),
            files: Vec::new(),
        }],
        activate: true,
        paused: false,
        by: "bench".into(),
    };
    let version = database.deploy(&deploy).await.unwrap()[0].version;
    let trigger = Trigger {
        tenant,
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
    let mut number = database.shard_state(lease.shard).await.unwrap().turn;
    for (name, width, times) in [
        ("a turn of nothing", 0, 300),
        ("1 instance, 1 event, 1 run", 1, 300),
        ("100 instances", 100, 100),
        ("1,000 instances", 1_000, 30),
    ] {
        let mut took = Vec::new();
        for _time in 0..times {
            number += 1;
            let turn = turn(lease, run, number, width);
            let start = Instant::now();
            database.commit(&turn).await.unwrap();
            took.push(start.elapsed());
        }
        report(name, took);
    }
    let mut took = Vec::new();
    for _time in 0..300 {
        let start = Instant::now();
        database.trigger(&trigger).await.unwrap();
        took.push(start.elapsed());
    }
    report("a trigger", took);
    let mut took = Vec::new();
    for _time in 0..100 {
        let start = Instant::now();
        database.list_runs(&RunFilter::default(), 50).await.unwrap();
        took.push(start.elapsed());
    }
    report("a page of 50 runs", took);
}

fn report(name: &str, mut took: Vec<Duration>) {
    took.sort();
    println!(
        "{name:32} median {:>9.3?}  p95 {:>9.3?}",
        took[took.len() / 2],
        took[took.len() * 95 / 100]
    );
}

fn turn(lease: ShardLease, run: RunId, number: i64, width: u32) -> Turn {
    let some = width > 0;
    Turn {
        lease,
        number,
        new_runs: Vec::new(),
        runs: some
            .then(|| RunUpdate {
                id: run,
                state: RunState::Running,
                started: Some(Timestamp(1)),
                ended: None,
                counts: Counts {
                    success: number.cast_unsigned(),
                    ..Counts::default()
                },
            })
            .into_iter()
            .collect(),
        events: some
            .then(|| EventChunk {
                run,
                seq: number,
                at: Timestamp(1),
                body: "x".repeat(60 * width as usize),
            })
            .into_iter()
            .collect(),
        cleared: Vec::new(),
        attempts: Vec::new(),
        instances: (0..width).map(|index| instance(run, index)).collect(),
        tasks: Vec::new(),
        commands: Vec::new(),
        approvals: Vec::new(),
        missed: Vec::new(),
        updates: Vec::new(),
        timetables: Vec::new(),
    }
}

fn instance(run: RunId, index: u32) -> InstanceRow {
    InstanceRow {
        run,
        instance: Instance {
            task: TaskIndex(0),
            index,
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
    }
}
