//! What goes with time, and what stays.

use super::{queue::new_run, turn::instance_row};
use crate::setup::{at, lease, one_dag, turn};
use weft_core::{
    digest::Digest,
    id::TenantId,
    run::{Counts, RunState},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{
    CommandKind, Database, DigestCursor, EventChunk, InstanceFilter, InstanceRow, Output,
    RunFilter, RunRetention, RunStore as _, RunUpdate, TraceRetention,
};

/// An id as of this time.
fn id_at(millis: i64) -> i64 {
    RunId::new(Timestamp(millis), 0).as_i64()
}

pub(crate) async fn old_runs_go_with_all_of_them_and_the_newest_stay(database: &Database) {
    let dag = one_dag(database, "x").await;
    let lease = lease(database).await;
    let mut made = turn(lease);
    made.new_runs = (1..=8)
        .map(|day| new_run(&dag, id_at(day * 10), day * 10))
        .collect();
    database.commit(&made).await.unwrap();
    let mut done = turn(lease);
    for (place, run) in made.new_runs.iter().enumerate() {
        let ended = at(run.created.0 + 1);
        // The second still runs, the third waits for a command.
        let state = if place == 1 {
            RunState::Running
        } else {
            RunState::Success
        };
        done.runs.push(RunUpdate {
            id: run.id,
            state,
            started: Some(at(1)),
            ended: (place != 1).then_some(ended),
            counts: Counts::default(),
        });
        done.events.push(EventChunk {
            run: run.id,
            seq: 0,
            at: at(1),
            body: "e".into(),
        });
        done.instances.push(instance_row(run.id, 0, 0));
    }
    database.commit(&done).await.unwrap();
    let tenant = TenantId::default();
    let third = made.new_runs[2].id;
    database
        .insert_command(&tenant, third, &CommandKind::Cancel, "bob")
        .await
        .unwrap();
    let retention = RunRetention {
        before: at(75),
        keep_last: 3,
    };
    let mut deleted = Vec::new();
    let mut after = None;
    loop {
        let step = database
            .delete_runs_before(retention, after, 2)
            .await
            .unwrap();
        deleted.extend(step.deleted);
        after = step.next;
        if after.is_none() {
            break;
        }
    }
    let expected = [0, 3, 4].map(|place: usize| made.new_runs[place].id);
    assert_eq!(
        deleted, expected,
        "the newest three, a running and a wanted one stay"
    );
    assert_eq!(
        database
            .list_runs(&RunFilter::default(), 99)
            .await
            .unwrap()
            .len(),
        5
    );
    assert!(database.run(expected[0]).await.unwrap().is_none());
    let gone = InstanceFilter {
        tenant,
        run: expected[0],
        task: None,
        state: None,
        after: None,
    };
    assert_eq!(database.list_instances(&gone, 9).await.unwrap(), []);
    let traces = TraceRetention {
        answers: at(0),
        commands: at(0),
        audit: at(i64::MAX),
    };
    assert!(database.delete_traces_before(traces, 100).await.unwrap() > 0);
    assert_eq!(database.list_audit(None, None, 9).await.unwrap(), []);
}

pub(crate) async fn digests_of_versions_and_outputs_are_named(database: &Database) {
    let dag = one_dag(database, "x").await;
    one_dag(database, "y").await;
    let mut turn = turn(lease(database).await);
    turn.new_runs.push(new_run(&dag, 1, 10));
    for (index, bytes) in [&b"big"[..], b"bigger", b"big"].into_iter().enumerate() {
        turn.instances.push(InstanceRow {
            output: Some(Output::Blob {
                digest: Digest::of(bytes),
                bytes: 3,
            }),
            ..instance_row(
                RunId::from_i64(1).unwrap(),
                0,
                u32::try_from(index).unwrap(),
            )
        });
    }
    database.commit(&turn).await.unwrap();
    let mut named = Vec::new();
    let mut from = Some(DigestCursor::START);
    while let Some(cursor) = from {
        let (digests, next) = database.referenced_digests(cursor, 1).await.unwrap();
        named.extend(digests);
        from = next;
    }
    named.sort();
    named.dedup();
    let mut expected: Vec<Digest> = [&b"x"[..], b"y", b"big", b"bigger"].map(Digest::of).into();
    expected.sort();
    assert_eq!(named, expected);
}
