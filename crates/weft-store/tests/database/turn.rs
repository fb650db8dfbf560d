//! Turns: everything of one is written, or nothing.

use crate::setup::{at, lease, one_dag, text, trigger_of, turn};
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    run::{Counts, Instance, RunState},
    run_id::RunId,
};
use weft_store::{
    AttemptRecord, Database, EventChunk, InstanceRow, InstanceTag, Output, RunStore as _,
    RunUpdate, TaskSummary,
};

pub(crate) async fn every_statement_fits(database: &Database) {
    let count = database
        .check_statements()
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(count > 100, "{count}");
}

pub(crate) fn instance_row(run: RunId, task: u32, index: u32) -> InstanceRow {
    InstanceRow {
        run,
        instance: Instance {
            task: TaskIndex(task),
            index,
        },
        state: InstanceTag::Success,
        cause: "outcome",
        number: 1,
        nonce: u64::MAX - 1,
        queued: Some(at(10)),
        started: Some(at(11)),
        ended: Some(at(12)),
        due: None,
        worker: text("w1"),
        output: Some(Output::Inline("{\"a\":1}".into())),
        resume: None,
        error: None,
        usage: text("{\"cpu_ms\":3}"),
        log: text("log/1"),
    }
}

pub(crate) async fn everything_of_a_turn_is_read_back(database: &Database) {
    let dag = one_dag(database, "etl").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let lease = lease(database).await;
    let instance = Instance {
        task: TaskIndex(3),
        index: 7,
    };
    let mut turn = turn(lease);
    turn.runs.push(RunUpdate {
        id: run,
        state: RunState::Running,
        started: Some(at(5)),
        ended: None,
        counts: Counts {
            running: 2,
            ..Counts::default()
        },
    });
    turn.events.push(EventChunk {
        run,
        seq: 0,
        at: at(5),
        body: "first".into(),
    });
    turn.attempts.push(AttemptRecord {
        run,
        instance,
        number: 1,
        end: "lost",
        queued: Some(at(1)),
        started: None,
        ended: at(2),
        worker: None,
        error: None,
        usage: None,
        log: None,
    });
    turn.instances.push(instance_row(run, 3, 7));
    turn.instances.push(InstanceRow {
        output: Some(Output::Blob {
            digest: Digest::of(b"big"),
            bytes: 9,
        }),
        ..instance_row(run, 3, 8)
    });
    turn.tasks.push(TaskSummary {
        run,
        task: TaskIndex(3),
        instances: 2,
        counts: Counts {
            success: 2,
            ..Counts::default()
        },
    });
    database.commit(&turn).await.unwrap();
    let active = database.active_runs(lease.shard, None, 10).await.unwrap();
    assert_eq!(active.len(), 1);
    assert_eq!(active[0].id, run);
    assert_eq!(active[0].events, ["first"]);
    assert_eq!(active[0].next_seq, 1);
    let outputs = database
        .outputs_of_task(run, TaskIndex(3), 0, 10)
        .await
        .unwrap();
    assert_eq!(outputs.len(), 2);
    assert_eq!(outputs[0].1, Output::Inline("{\"a\":1}".into()));
}
