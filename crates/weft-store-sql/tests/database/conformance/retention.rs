//! Retention: the rows that it deletes, and those that stay.

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
    CommandKind, EventChunk, InstanceRow, InstanceTag, Output, RunStore as _, RunUpdate,
};
use weft_store_sql::{
    Database, DigestCursor, InstanceFilter, RunFilter, RunRetention, TextCursor, TraceRetention,
    Trigger,
};

/// An id as of this time.
fn id_at(millis: i64) -> i64 {
    RunId::new(Timestamp(millis), 0).as_i64()
}

pub(crate) async fn retention_deletes_old_runs_with_their_rows_and_keeps_the_newest(
    database: &Database,
) {
    let dag = one_dag(database, "x").await;
    let lease = lease(database).await;
    let mut made = turn(database, lease).await;
    made.new_runs = (1..=8)
        .map(|day| new_run(&dag, id_at(day * 10), day * 10))
        .collect();
    database.commit(&made).await.unwrap();
    let mut done = turn(database, lease).await;
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

pub(crate) async fn digests_of_versions_and_outputs_are_listed(database: &Database) {
    let dag = one_dag(database, "x").await;
    one_dag(database, "y").await;
    let mut turn = turn(database, lease(database).await).await;
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

pub(crate) async fn texts_that_may_name_artifacts_are_listed(database: &Database) {
    let dag = one_dag(database, "x").await;
    let mut turn = turn(database, lease(database).await).await;
    turn.new_runs.push(new_run(&dag, 1, 10));
    let run = RunId::from_i64(1).unwrap();
    let spellings = [
        r#"{"$artifact":"a"}"#,
        r#"{"\u0024artifact":"b"}"#,
        r#"{"no":"artifact"}"#,
    ];
    for (index, text) in (0..).zip(spellings) {
        turn.instances.push(InstanceRow {
            output: Some(Output::Inline(text.into())),
            ..instance_row(run, 0, index)
        });
    }
    turn.instances.push(InstanceRow {
        state: InstanceTag::Deferred,
        resume: Some("left".into()),
        ..instance_row(run, 1, 0)
    });
    database.commit(&turn).await.unwrap();
    let with_params = Trigger {
        params: r#"{"given":{"$artifact":"c"}}"#.into(),
        ..crate::setup::trigger_of(&dag)
    };
    database.trigger(&with_params).await.unwrap();
    database
        .trigger(&crate::setup::trigger_of(&dag))
        .await
        .unwrap();
    for limit in [1, 50] {
        let mut texts = Vec::new();
        let mut from = Some(TextCursor::START);
        while let Some(cursor) = from {
            let (page, next) = database.texts_with_references(cursor, limit).await.unwrap();
            texts.extend(page);
            from = next;
        }
        let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
        assert_eq!(
            texts,
            [spellings[0], spellings[1], "left", &with_params.params]
        );
    }
}

pub(crate) async fn the_oldest_running_run_is_known(database: &Database) {
    assert_eq!(database.oldest_running().await.unwrap(), None);
    let dag = one_dag(database, "x").await;
    let mut turn = turn(database, lease(database).await).await;
    for (id, state) in [(1, RunState::Running), (2, RunState::Success)] {
        turn.new_runs.push(new_run(&dag, id, id * 10));
        let run = RunId::from_i64(id).unwrap();
        turn.runs.push(RunUpdate {
            id: run,
            state,
            started: Some(at(1)),
            ended: (state == RunState::Success).then_some(at(2)),
            counts: Counts::default(),
        });
        for (index, tag, started) in [
            (0, InstanceTag::Success, 3),
            (1, InstanceTag::Running, 20),
            (2, InstanceTag::Running, 10),
        ] {
            turn.instances.push(InstanceRow {
                state: tag,
                started: Some(at(started * id)),
                ..instance_row(run, 0, index)
            });
        }
    }
    database.commit(&turn).await.unwrap();
    assert_eq!(database.oldest_running().await.unwrap(), Some(at(10)));
}
