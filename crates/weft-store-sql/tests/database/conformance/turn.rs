//! Turns: everything of one is written, or nothing.

use super::queue::new_run;
use crate::setup::{at, lease, one_dag, text, trigger_of, turn};
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    run::{Counts, Instance, RunState},
    run_id::RunId,
    wait::Wait,
};
use weft_store::{
    AttemptRecord, CommitError, EventChunk, InstanceRow, InstanceTag, Output, ResumeState,
    RunStore as _, RunUpdate, TaskSummary, TimetableUpdate, VersionId,
};
use weft_store_sql::Database;

pub(crate) async fn every_statement_prepares(database: &Database) {
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
        wait: None,
        woken: None,
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
    let mut turn = turn(database, lease).await;
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
    let active = database
        .active_runs(lease.shard, None, 10)
        .await
        .unwrap()
        .readable;
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

pub(crate) async fn a_turn_of_thousands_of_rows(database: &Database) {
    let dag = one_dag(database, "x").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let lease = lease(database).await;
    // Not a multiple of any number of rows that one statement takes.
    let mut large = turn(database, lease).await;
    large.instances = (0..2_743)
        .rev()
        .map(|index| instance_row(run, 0, index))
        .collect();
    large.timetables.push(TimetableUpdate {
        dag: dag.key,
        last_scheduled: at(7),
        next: Some(at(8)),
    });
    database.commit(&large).await.unwrap();
    let wanted: Vec<Instance> = large.instances.iter().map(|row| row.instance).collect();
    let outputs = database.outputs(run, &wanted).await.unwrap();
    assert_eq!(outputs.len(), 2_743);
    let page = database
        .outputs_of_task(run, TaskIndex(0), 2_700, 100)
        .await
        .unwrap();
    assert_eq!(page.len(), 43);
    assert_eq!(page[0].0.index, 2_700);
    let mut changed = turn(database, lease).await;
    changed.instances = vec![InstanceRow {
        state: InstanceTag::Deferred,
        output: None,
        resume: text("{\"page\":2}"),
        wait: Some(Wait::Event("paid".parse().unwrap())),
        woken: text("{\"timeout\":true}"),
        ..instance_row(run, 0, 5)
    }];
    database.commit(&changed).await.unwrap();
    let asked: Vec<_> = wanted[2_700..].iter().map(|one| (run, *one)).collect();
    let states = database.resume_states(&asked).await.unwrap();
    let left = ResumeState {
        run,
        instance: wanted[2_743 - 6],
        state: "{\"page\":2}".into(),
        wait: Some(Wait::Event("paid".parse().unwrap())),
        woken: text("{\"timeout\":true}"),
    };
    assert_eq!(states, [left]);
    let missing = RunId::from_i64(1).unwrap();
    let dags = database.dags_of_runs(&[missing, run]).await.unwrap();
    let stored = database.run(run).await.unwrap().unwrap().unwrap();
    assert_eq!(dags, [(run, stored.dag)]);
    let versions = [stored.version, VersionId(i64::MAX)];
    let versions = database.versions(&versions).await.unwrap().readable;
    let version = database.version(stored.version).await.unwrap();
    assert_eq!(versions, Vec::from_iter(version));
    assert_eq!(database.outputs(run, &wanted).await.unwrap().len(), 2_742);
    let state = &database.dags(lease.shard, None, 9).await.unwrap().readable[0];
    assert_eq!(state.last_scheduled, Some(at(7)));
}

pub(crate) async fn a_taken_run_id_stops_the_whole_turn(database: &Database) {
    let dag = one_dag(database, "x").await;
    let lease = lease(database).await;
    let mut first = turn(database, lease).await;
    first.new_runs.push(new_run(&dag, 1, 10));
    database.commit(&first).await.unwrap();
    let mut second = turn(database, lease).await;
    second.new_runs = vec![new_run(&dag, 2, 20), new_run(&dag, 1, 30)];
    second
        .instances
        .push(instance_row(RunId::from_i64(2).unwrap(), 0, 0));
    let error = database.commit(&second).await.unwrap_err();
    assert!(
        matches!(error, CommitError::IdTaken(id) if id.as_i64() == 1),
        "{error}"
    );
    assert!(
        database
            .run(RunId::from_i64(2).unwrap())
            .await
            .unwrap()
            .is_none()
    );
    // The turn counts as not committed: without that run it goes through under its number.
    second.new_runs.pop();
    // Nor is one of two that drew the same id left out in silence.
    second.new_runs.push(new_run(&dag, 2, 40));
    let error = database.commit(&second).await.unwrap_err();
    assert!(
        matches!(error, CommitError::IdTaken(id) if id.as_i64() == 2),
        "{error}"
    );
    second.new_runs.pop();
    database.commit(&second).await.unwrap();
}
